"""How fast a new subscriber gets what there is: many documents, from `sub` to `ready`."""

from __future__ import annotations

import time
from dataclasses import dataclass, field

import psycopg

from benchmarks import bookstore
from benchmarks.cases import World
from benchmarks.crowd import Subscriber
from benchmarks.figures import Table, median, ratio
from benchmarks.machine import cpu_seconds
from benchmarks.processes import Served

ROUNDS = 5
QUERY = "SELECT row_to_json(b)::text FROM bookstore_book b"
AUTHORS = 1


@dataclass
class Series:
    """Seconds and the server's CPU seconds of each round."""

    seconds: list[float] = field(default_factory=list)
    cpu: list[float] = field(default_factory=list)
    load: list[float] = field(default_factory=list)


async def run(world: World) -> list[Table]:
    table = Table(
        f"Initial data: {world.scale.documents:,} documents to one client",
        ["", "documents/s", "of row_to_json", "CPU per document", "load busy"],
    )
    async with await psycopg.AsyncConnection.connect(world.dsn, autocommit=True) as connection:
        await connection.execute(bookstore.fill(world.scale.documents))
        first, joining, rows = Series(), Series(), Series()
        for _ in range(ROUNDS):
            await _select(connection, world.scale.documents, rows)
            table.lost += await _subscribe_twice(world, first, joining)
    floor = world.scale.documents / median(rows.seconds)
    for name, series in (
        ("SELECT row_to_json", rows),
        ("first subscriber", first),
        ("second subscriber", joining),
    ):
        _add(table, name, series, world.scale.documents, floor)
    table.notes.append(f"Documents lost: {table.lost}.")
    return [table]


def _add(table: Table, name: str, series: Series, documents: int, floor: float) -> None:
    seconds = median(series.seconds)
    cpu = median(series.cpu) / documents if series.cpu else None
    busy = median(series.load) / seconds
    rate = documents / seconds
    table.add(
        [
            name,
            f"{rate:,.0f}",
            ratio(rate, floor),
            f"{cpu * 1e6:.1f} us" if cpu else "-",
            f"{busy:.0%}",
        ],
        {"name": name, "documents_per_second": rate, "cpu_per_document": cpu, "load_busy": busy},
    )


async def _select(connection: psycopg.AsyncConnection, documents: int, series: Series) -> None:
    load, begin = time.process_time(), time.perf_counter()
    cursor = await connection.execute(QUERY)
    count = len(await cursor.fetchall())
    series.seconds.append(time.perf_counter() - begin)
    series.load.append(time.process_time() - load)
    assert count == documents


async def _subscribe_twice(world: World, first: Series, joining: Series) -> int:
    """The second one shares the live query of the first; returns how many documents are missing."""
    lost = 0
    clients = [Subscriber(world.dddp.url), Subscriber(world.dddp.url)]
    for client, series in zip(clients, (first, joining), strict=True):
        await client.connect()
        await _subscribe(world.dddp, client, series)
        lost += abs(client.documents - world.scale.documents - AUTHORS)
    for client in clients:
        await client.socket.close()
    return lost


async def _subscribe(served: Served, client: Subscriber, series: Series) -> None:
    cpu, load = cpu_seconds(served.pid), time.process_time()
    series.seconds.append(await client.subscribe())
    series.load.append(time.process_time() - load)
    series.cpu.append(cpu_seconds(served.pid) - cpu)
