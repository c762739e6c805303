"""Memory of the real server: of an idle connection, a subscriber, a live query.

Each figure is of a new server process, as what one measurement has freed the next would use; what
the kernel keeps for sockets is not in it.
"""

from __future__ import annotations

import asyncio

import psycopg

from benchmarks import bookstore
from benchmarks.cases import World
from benchmarks.cases.initial import OF_AUTHOR
from benchmarks.crowd import CONNECTED, DDP, SILENT, Greeting, crowd
from benchmarks.figures import Chart, Table, ratio
from benchmarks.machine import resident
from benchmarks.processes import Served

SIZES = (100, 1_000)
WARM_UP = 50
GENTLY = 10
"""Clients that connect at once: a server that is not in a hurry has its least memory."""
SUBSCRIBED_SHARE = 4
SECONDS = 60
SETTLE_SECONDS = 0.5
KIB = 1024


async def run(world: World) -> list[Table]:
    table = Table(
        "Memory of the server process, KiB each",
        ["", "server", "how many", "KiB", "of dddp's idle connection"],
        notes=[
            "A subscriber's is what it takes beyond an idle connection; the documents are there.",
            "A distinct live query's is with its documents: one author or one book.",
        ],
    )
    async with await psycopg.AsyncConnection.connect(world.dsn, autocommit=True) as connection:
        idle = await _idle(world, table)
        for size in SIZES:
            await connection.execute(bookstore.fill(size))
            await _subscribers(world, table, size, idle)
        await connection.execute(bookstore.spread(world.scale.connections, 1))
        await _distinct(world, table, idle)
    table.chart = Chart(
        "Memory",
        "KiB",
        [f"{row['what']}, {row['server']}" for row in table.data],
        {"": [row["kib"] for row in table.data]},
    )
    return [table]


async def _idle(world: World, table: Table) -> float:
    """Returns KiB of an idle connection of `dddp`."""
    size = world.scale.connections
    world.stop()
    idle = await grown(world.dddp, size, CONNECTED)
    _add(table, "idle connection", "dddp", size, idle, idle)
    world.stop()
    _add(table, "idle connection", "stock", size, await grown(world.stock, size, CONNECTED), idle)
    floor = world.listening_floor
    _add(table, "idle connection", floor.name, size, await grown(floor, size, SILENT), idle)
    return idle


async def _subscribers(world: World, table: Table, size: int, idle: float) -> None:
    clients = max(1, world.scale.connections // SUBSCRIBED_SHARE)
    world.stop()
    each = await grown(world.dddp, clients, DDP) - idle
    _add(table, f"subscriber of {size:,} documents", "dddp", clients, each, idle)


async def grown(served: Served, size: int, greeting: Greeting) -> float:
    """KiB more for each of so many clients more."""
    async with crowd(served.url, WARM_UP, greeting) as clients:
        before = await _settled(served)
        await clients.open(size, GENTLY)
        return (await _settled(served) - before) / size


async def _distinct(world: World, table: Table, idle: float) -> None:
    size = world.scale.connections
    queries = 2 * size
    world.stop()
    served = world.dddp
    async with crowd(served.url, size, CONNECTED) as clients:
        before = await _settled(served)
        await clients.expect(3)
        await clients.say(OF_AUTHOR)
        table.lost += abs((await clients.arrived(SECONDS)).missing)
        each = (await _settled(served) - before) / queries
    _add(table, "distinct live query", "dddp", queries, each, idle)


async def _settled(served: Served) -> float:
    await asyncio.sleep(SETTLE_SECONDS)
    return resident(served.pid) / KIB


def _add(table: Table, what: str, server: str, size: int, kib: float, idle: float) -> None:
    cells = [what, server, f"{size:,}", f"{kib:.1f}", ratio(kib, idle)]
    table.add(cells, {"what": what, "server": server, "size": size, "kib": kib})
    table.figures[f"{what}, {server}: KiB"] = kib
