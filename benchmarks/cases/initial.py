"""How fast subscribers get what there is, from `sub` to `ready`: one, many at once, all different.

Nobody has had the queries before but for those who get "one more": the server keeps none for
clients that may come back.

The floor is the SELECTs alone, one after another on one connection: their rows as JSON text.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field

import psycopg

from benchmarks import bookstore
from benchmarks.cases import World
from benchmarks.crowd import CONNECTED, SUBSCRIBE, Crowd, PythonCrowd, crowd
from benchmarks.figures import Chart, Table, median, ratio
from benchmarks.machine import cpu_seconds, quiet

ROUNDS = 5
ROUNDS_OF_MANY = 3
SECONDS = 60
READY = AUTHORS = 1
SHARE = 10
"""Of the documents one client gets, those that each of many gets."""
OF_AUTHOR = b'{"msg":"sub","id":"s","name":"BooksByAuthorEmail","params":["{n}@example.com"]}'
ROWS = "SELECT row_to_json(b)::text FROM bookstore_book b"
ROWS_OF_AUTHOR = (
    "SELECT row_to_json(b)::text FROM bookstore_book b JOIN bookstore_author a ON a.id = author_id"
    " WHERE a.email = %s"
)


@dataclass
class Series:
    """Seconds and CPU seconds of each round; `documents` are all that a round brings."""

    name: str
    documents: int
    seconds: list[float] = field(default_factory=list)
    cpu: list[float] = field(default_factory=list)
    load: list[float] = field(default_factory=list)

    @property
    def rate(self) -> float:
        return self.documents / median(self.seconds)


class Scene:
    def __init__(self, world: World, connection: psycopg.AsyncConnection) -> None:
        self.world = world
        self.connection = connection
        self.lost = 0

    async def fill(self, sql: str) -> None:
        """Have these books, also in what the server still holds live."""
        await self.connection.execute(sql)
        await quiet(self.world.live("forgetful").pid)

    async def select(self, series: Series, times: int, by_author: bool = False) -> None:
        """The floor: that many SELECTs."""
        load, begin, count = time.process_time(), time.perf_counter(), 0
        for number in range(1, times + 1):
            if by_author:
                cursor = await self.connection.execute(ROWS_OF_AUTHOR, [bookstore.email(number)])
            else:
                cursor = await self.connection.execute(ROWS)
            count += len(await cursor.fetchall())
        series.seconds.append(time.perf_counter() - begin)
        series.load.append(time.process_time() - load)
        assert count == series.documents

    async def subscribe(
        self, clients: int, each: int, subscribe: bytes, first: Series, joining: Series | None
    ) -> None:
        """New clients subscribe at once, and then others to what is live by now."""
        served = self.world.live("forgetful")
        async with crowd(served.url, clients, CONNECTED) as ones:
            await self._ready(ones, each, subscribe, first)
            if joining is not None:
                async with crowd(served.url, clients, CONNECTED) as others:
                    await self._ready(others, each, subscribe, joining)

    async def _ready(
        self, clients: Crowd | PythonCrowd, each: int, subscribe: bytes, series: Series
    ) -> None:
        served = self.world.live("forgetful")
        await clients.expect(each + AUTHORS + READY)
        cpu, load = cpu_seconds(served.pid), clients.cpu()
        begin = await clients.say(subscribe)
        arrived = await clients.arrived(SECONDS)
        series.seconds.append(max(arrived.times, default=begin + SECONDS) - begin)
        series.cpu.append(cpu_seconds(served.pid) - cpu)
        series.load.append(clients.cpu() - load)
        self.lost += abs(arrived.missing)


async def run(world: World) -> list[Table]:
    documents = world.scale.documents
    each = max(1, documents // SHARE)
    table = Table(
        "Initial data, from `sub` to `ready`",
        ["", "documents/s", "of its SELECTs", "until all are ready", "CPU per document"],
    )
    table.columns += ["load busy"]
    async with await psycopg.AsyncConnection.connect(world.dsn, autocommit=True) as connection:
        scene = Scene(world, connection)
        await _one(scene, table, documents)
        await _same(scene, table, each)
        await _different(scene, table, max(1, each // SHARE))
    table.lost = scene.lost
    table.notes.append(f"Documents lost: {table.lost}.")
    table.chart = _chart(table)
    return [table]


async def _one(scene: Scene, table: Table, documents: int) -> None:
    await scene.fill(bookstore.fill(documents))
    floor = Series("SELECT row_to_json", documents)
    first = Series("one client", documents)
    joining = Series("one more, same query", documents)
    for _ in range(ROUNDS):
        await scene.select(floor, 1)
        await scene.subscribe(1, documents, SUBSCRIBE, first, joining)
    _add(table, f"{documents:,} documents", floor, [first, joining])


async def _same(scene: Scene, table: Table, each: int) -> None:
    many = scene.world.scale.many
    await scene.fill(bookstore.fill(each))
    floor = Series(f"SELECT row_to_json, {many} times", each * many)
    same = Series(f"{many} clients, same query", each * many)
    for _ in range(ROUNDS_OF_MANY):
        await scene.select(floor, many)
        await scene.subscribe(many, each, SUBSCRIBE, same, None)
    _add(table, f"{each:,} documents each", floor, [same])


async def _different(scene: Scene, table: Table, each: int) -> None:
    many = scene.world.scale.many
    await scene.fill(bookstore.spread(many, each))
    floor = Series(f"SELECT row_to_json, {many} different", each * many)
    different = Series(f"{many} clients, different queries", each * many)
    for _ in range(ROUNDS_OF_MANY):
        await scene.select(floor, many, by_author=True)
        await scene.subscribe(many, each, OF_AUTHOR, different, None)
    _add(table, f"{each:,} documents each", floor, [different])


def _add(table: Table, what: str, floor: Series, all_series: list[Series]) -> None:
    for series in (floor, *all_series):
        seconds = median(series.seconds)
        cpu = median(series.cpu) / series.documents if series.cpu else None
        busy = median(series.load) / seconds
        cells = [f"{series.name}: {what}", f"{series.rate:,.0f}", ratio(series.rate, floor.rate)]
        cells += [f"{seconds * 1e3:,.0f} ms", f"{cpu * 1e6:.1f} us" if cpu else "-", f"{busy:.0%}"]
        data = {"name": series.name, "documents_per_second": series.rate, "cpu_per_document": cpu}
        table.add(cells, {**data, "documents": series.documents, "load_busy": busy})
    for series in all_series:
        table.figures[f"{series.name}: documents/s"] = series.rate
        table.figures[f"{series.name}: floor's documents/s of its"] = floor.rate / series.rate


def _chart(table: Table) -> Chart:
    rates = [row["documents_per_second"] for row in table.data]
    return Chart("Initial data", "documents/s", [row["name"] for row in table.data], {"": rates})
