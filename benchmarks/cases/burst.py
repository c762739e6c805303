"""Much at once: does the server still answer, does its memory stay bounded, are clients right?"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from concurrent.futures import ProcessPoolExecutor
from contextlib import AsyncExitStack
from dataclasses import dataclass
from multiprocessing import get_context
from typing import Any

import psycopg

from benchmarks import bookstore
from benchmarks.cases import World
from benchmarks.commits import Order, commit, prepare
from benchmarks.figures import Table, median, percentile, ratio
from benchmarks.mirror import Documents, Mirror
from benchmarks.processes import Served, dddp_server
from benchmarks.watch import Seen, watching

CLIENTS = 10
QUIET_SECONDS = 2.0
EQUAL_SECONDS = 120.0
ALL_BOOKS = """
    SELECT id::text, title, author_id::text, pages, price::text, published::text
    FROM bookstore_book
"""
NAMES = ("title", "author_id", "pages", "price", "published")
MIB = 1024 * 1024


@dataclass
class Burst:
    """What happened in one burst; times are time.perf_counter()."""

    name: str
    changes: int = 0
    begin: float = 0.0
    written: float = 0.0
    last: float = 0.0
    messages: int = 0
    dropped: int = 0
    wrong: int = 0


class Scene:
    """A server of its own, so that its memory is of this alone, and clients who see all books."""

    def __init__(self, world: World, served: Served, connection: psycopg.AsyncConnection) -> None:
        self.world = world
        self.served = served
        self.connection = connection
        self.mirrors: list[Mirror] = []
        self._marks = 0

    async def fill_up(self) -> None:
        """Have ten clients, in place of those given up on."""
        self.mirrors = [mirror for mirror in self.mirrors if mirror.is_open]
        while len(self.mirrors) < CLIENTS:
            mirror = Mirror(self.served.url)
            await mirror.open()
            self.mirrors.append(mirror)

    async def burst(self, name: str, write: Callable[[], Awaitable[int]]) -> Burst:
        """Write, and wait until every client has what the database has."""
        burst = Burst(name, begin=time.perf_counter())
        before = sum(mirror.messages for mirror in self.mirrors)
        burst.changes = await write()
        burst.written = time.perf_counter()
        await self._mark()
        burst.wrong = await self._wrong()
        burst.last = max(burst.written, *(mirror.last for mirror in self.mirrors))
        burst.messages = sum(mirror.messages for mirror in self.mirrors) - before
        burst.dropped = sum(not mirror.is_open for mirror in self.mirrors)
        return burst

    async def _mark(self) -> None:
        """Change the last book, and wait until everyone has it."""
        self._marks += 1
        title, book = f"Mark {self._marks}", str(self.world.scale.rows)
        await self.connection.execute(
            "UPDATE bookstore_book SET title = %s WHERE id = %s", (title, book)
        )
        waiting = (mirror.has(book, title) for mirror in self.mirrors)
        await asyncio.wait_for(asyncio.gather(*waiting), EQUAL_SECONDS)

    async def _wrong(self) -> int:
        """How many documents are not as in the database, also after some time."""
        cursor = await self.connection.execute(ALL_BOOKS)
        right: Documents = {
            row[0]: dict(zip(NAMES, row[1:], strict=True)) for row in await cursor.fetchall()
        }
        deadline = time.monotonic() + EQUAL_SECONDS
        while wrong := self._differences(right):
            if time.monotonic() > deadline:
                break
            await asyncio.sleep(0.5)
        return wrong

    def _differences(self, right: Documents) -> int:
        return sum(
            sum(mirror.books.get(book) != fields for book, fields in right.items())
            + len(mirror.books.keys() - right.keys())
            for mirror in self.mirrors
            if mirror.is_open
        )


async def run(world: World) -> list[Table]:
    async with AsyncExitStack() as stack:
        served = stack.enter_context(dddp_server(world.logs / "burst.log"))
        connection = await stack.enter_async_context(
            await psycopg.AsyncConnection.connect(world.dsn, autocommit=True)
        )
        await connection.execute(bookstore.fill(world.scale.rows))
        scene = Scene(world, served, connection)
        try:
            await scene.fill_up()
            with watching(served.url, served.pid) as watcher:
                await asyncio.sleep(QUIET_SECONDS)
                bursts = await _bursts(scene)
                seen = await asyncio.to_thread(watcher.seen)
        finally:
            for mirror in scene.mirrors:
                await mirror.socket.close()
    return [_table(world, bursts, seen)]


async def _bursts(scene: Scene) -> list[Burst]:
    scale = scene.world.scale
    order = Order(scene.world.dsn, scale.rows - 1, scale.commits, scale.seconds)
    prepare(scene.world.dsn)
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:

        async def small() -> int:
            await scene.connection.execute("UPDATE bookstore_book SET pages = pages + 1")
            return scale.rows

        async def large() -> int:
            await scene.connection.execute(
                "UPDATE bookstore_book SET title = rpad(title, %s, 'x')", (bookstore.TITLE_LENGTH,)
            )
            return scale.rows

        async def many() -> int:
            return await asyncio.get_running_loop().run_in_executor(pool, commit, order)

        bursts = []
        for name, write in (
            (f"UPDATE of {scale.rows:,} numbers", small),
            (f"UPDATE of {scale.rows:,} titles", large),
            (f"{scale.commits:,} commits/s wanted", many),
        ):
            bursts.append(await scene.burst(name, write))
            await scene.fill_up()
            await asyncio.sleep(QUIET_SECONDS)
    return bursts


def _table(world: World, bursts: list[Burst], seen: Seen) -> Table:
    table = Table(
        f"Bursts: {CLIENTS} clients who see {world.scale.rows:,} books",
        [
            "",
            "written",
            "clients have it after",
            "ping p50 / p99 / max",
            "of quiet p50",
            "memory",
            "messages",
            "dropped",
            "wrong",
        ],
    )
    quiet = seen.pings_between(0, bursts[0].begin)
    start = max(seen.memory_between(0, bursts[0].begin))
    _add_quiet(table, quiet, start)
    for burst in bursts:
        pings = seen.pings_between(burst.begin, burst.last)
        _add(
            table, burst, pings, median(quiet), seen.memory_between(burst.begin, burst.last), start
        )
        table.lost += burst.wrong + burst.dropped
    table.lost += seen.unanswered
    table.data[0]["memory"] = _by_second(seen.memory, bursts[0].begin)
    table.notes.append(
        f"The pinging process itself was late by up to {seen.late * 1e3:.0f} ms; "
        f"pings without an answer: {seen.unanswered}."
    )
    return table


def _add_quiet(table: Table, quiet: list[float], start: int) -> None:
    table.add(
        ["quiet", "-", "-", _ping_cell(quiet), "1.0x", f"{start / MIB:.0f} MiB", "-", "-", "-"],
        {"name": "quiet", "ping": _ping_data(quiet), "memory_before": start},
    )


def _add(
    table: Table, burst: Burst, pings: list[float], quiet: float, memory: list[int], start: int
) -> None:
    seconds = burst.written - burst.begin
    data: dict[str, Any] = {
        **vars(burst),
        "per_second": burst.changes / seconds,
        "ping": _ping_data(pings),
        "memory_max": max(memory),
    }
    table.add(
        [
            burst.name,
            f"{burst.changes:,} in {seconds:.1f} s ({burst.changes / seconds:,.0f}/s)",
            f"{burst.last - burst.begin:.1f} s",
            _ping_cell(pings),
            ratio(median(pings), quiet),
            f"{max(memory) / MIB:.0f} MiB ({ratio(max(memory), start)})",
            f"{burst.messages:,}",
            str(burst.dropped),
            str(burst.wrong),
        ],
        data,
    )


def _ping_data(pings: list[float]) -> dict[str, float]:
    return {"p50": median(pings), "p99": percentile(pings, 99), "max": max(pings)}


def _ping_cell(pings: list[float]) -> str:
    return " / ".join(f"{value * 1e3:.1f}" for value in _ping_data(pings).values()) + " ms"


def _by_second(memory: dict[float, int], begin: float) -> dict[int, int]:
    """The largest of each second since the first burst."""
    largest: dict[int, int] = {}
    for when, size in memory.items():
        second = int(when - begin)
        largest[second] = max(largest.get(second, 0), size)
    return largest
