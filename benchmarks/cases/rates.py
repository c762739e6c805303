"""Changes per second: as many as the clients of one query get without a growing backlog, the same
with many live queries of which one matches, and changes that concern nobody.

There is no floor: PostgreSQL and its writer, on the load client's core, are the limit that the
table names. Each change is a transaction.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context

import psycopg

from benchmarks import bookstore
from benchmarks.cases import World
from benchmarks.commits import Order, commit, prepare
from benchmarks.crowd import CONNECTED, DDP, Crowd, PythonCrowd, crowd
from benchmarks.figures import Chart, Table
from benchmarks.machine import cpu_seconds, quiet
from benchmarks.processes import Served

BOOKS = 2_000
BACKLOG_SHARE = 0.1
"""Of the time written, that the last delivery may come later: else the backlog was growing."""
REACHED_SHARE = 0.9
SECONDS = 20
NOBODYS, WATCHED = 50, 100
SUBSCRIBE = b'{"msg":"sub","id":"s%d","name":"BooksOf","params":[{n},%d]}'
SCENE = (
    bookstore.EMPTY
    + f"""
    INSERT INTO bookstore_author (name, email)
        SELECT 'Author ' || n, n || '@example.com' FROM generate_series(1, {{authors}}) n;
    INSERT INTO bookstore_book (title, author_id, pages, price)
        SELECT 'Book ' || n, {NOBODYS}, n, 1 FROM generate_series(1, {BOOKS}) n;
    INSERT INTO bookstore_book (title, author_id, pages, price)
        SELECT 'Book of ' || n, n, n, 1 FROM generate_series({WATCHED}, {{authors}}) n;
    ANALYZE bookstore_author, bookstore_book
"""
)


@dataclass(frozen=True)
class Step:
    """What came of one rate."""

    wanted: int
    written: float
    late: float
    missing: int
    seconds: float
    cpu: float
    load: float

    @property
    def is_sustained(self) -> bool:
        reached = self.written >= REACHED_SHARE * self.wanted
        return reached and not self.missing and self.late < BACKLOG_SHARE * self.seconds


class Scene:
    def __init__(self, world: World, pool: ProcessPoolExecutor) -> None:
        self.world = world
        self.pool = pool

    def order(self, rate: int) -> Order:
        return Order(self.world.dsn, BOOKS, rate, self.world.scale.rate_seconds, is_exact=True)

    async def write(self, order: Order) -> int:
        return await asyncio.get_running_loop().run_in_executor(self.pool, commit, order)

    async def step(self, clients: Crowd | PythonCrowd, served: Served, rate: int, of: int) -> Step:
        """Write at that rate to whom `of` clients of the crowd see."""
        # What was live before may still be asked anew, whose messages would be counted too.
        await quiet(served.pid)
        order = self.order(rate)
        await clients.expect(0, order.count * of)
        cpu, load, begin = cpu_seconds(served.pid), clients.cpu(), time.perf_counter()
        await self.write(order)
        seconds = time.perf_counter() - begin
        arrived = await clients.arrived(SECONDS)
        late = max(arrived.times, default=begin) - begin - seconds
        used = cpu_seconds(served.pid) - cpu, clients.cpu() - load
        return Step(rate, order.count / seconds, late, arrived.missing, seconds, *used)


async def run(world: World) -> list[Table]:
    table = Table(
        "Changes per second, each a transaction",
        ["", "wanted", "written", "last delivery late by", "kept up", "CPU per change"],
        notes=["CPU per change: the server's, with all deliveries of it."],
    )
    table.columns += ["server busy", "load busy"]
    served = world.dddp
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        # Its start is not the writing.
        await asyncio.get_running_loop().run_in_executor(pool, prepare, world.dsn)
        scene = Scene(world, pool)
        async with await psycopg.AsyncConnection.connect(world.dsn, autocommit=True) as hand:
            await hand.execute(bookstore.fill(BOOKS))
            many = world.scale.many
            async with crowd(served.url, many, DDP) as clients:
                await _ladder(scene, table, "one query", clients, many)
            await _many_queries(scene, table, hand)
    names = [name for name in table.figures if "changes/s" in name]
    values = [table.figures[name] for name in names]
    table.chart = Chart("Changes per second", "changes/s", names, {"": values}, is_log=True)
    return [table]


async def _ladder(
    scene: Scene, table: Table, name: str, clients: Crowd | PythonCrowd, of: int
) -> None:
    """One rate after the other, until the server does not keep up."""
    best = 0.0
    for rate in scene.world.scale.rates:
        step = await scene.step(clients, scene.world.dddp, rate, of)
        _add(table, name, step)
        if not step.is_sustained:
            break
        best = step.written
    table.figures[f"{name}: changes/s sustained"] = best


async def _many_queries(scene: Scene, table: Table, hand: psycopg.AsyncConnection) -> None:
    """Nobody sees the books that are changed; then one query of one client does."""
    many = scene.world.scale.many
    each = max(1, scene.world.scale.live_queries // many)
    await hand.execute(SCENE.format(authors=(many + 1) * 100))
    async with crowd(scene.world.dddp.url, many, CONNECTED) as clients:
        await clients.expect(2 * each)
        for number in range(each):
            await clients.say(SUBSCRIBE % (number, number))
        table.lost += (await clients.arrived(2 * SECONDS)).missing
        await _ignored(scene, table, scene.world.scale.rates)
        await clients.expect(0, BOOKS)
        await hand.execute(
            f"UPDATE bookstore_book SET author_id = {WATCHED} WHERE author_id = {NOBODYS}"
        )
        table.lost += (await clients.arrived(SECONDS)).missing
        await _ladder(scene, table, f"{each * many:,} live queries, one matches", clients, 1)


async def _ignored(scene: Scene, table: Table, rates: Sequence[int]) -> None:
    served = scene.world.dddp
    await quiet(served.pid)
    cpu, begin = cpu_seconds(served.pid), time.perf_counter()
    count = await scene.write(scene.order(max(rates)))
    seconds = time.perf_counter() - begin
    await quiet(served.pid)
    used = cpu_seconds(served.pid) - cpu
    _add(table, "nobody matches", Step(max(rates), count / seconds, 0, 0, seconds, used, 0))
    table.figures["ignored: changes/s of server CPU"] = count / used


def _add(table: Table, name: str, step: Step) -> None:
    changes = step.written * step.seconds
    cells = [
        name,
        f"{step.wanted:,}/s",
        f"{step.written:,.0f}/s",
        f"{step.late * 1e3:,.0f} ms",
        "yes" if step.is_sustained else "no",
        f"{step.cpu / changes * 1e6:,.0f} us",
        f"{step.cpu / (step.seconds + max(0, step.late)):.0%}",
        f"{step.load / step.seconds:.0%}",
    ]
    table.add(cells, {"name": name, **vars(step), "sustained": step.is_sustained})
