"""A reconnect storm: many clients connect and subscribe at once, until all are ready.

The floor accepts as many WebSockets and answers one message of each.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import psycopg

from benchmarks import bookstore
from benchmarks.cases import World
from benchmarks.crowd import DDP, Greeting, new_crowd
from benchmarks.figures import Chart, Table, median, ratio
from benchmarks.machine import cpu_seconds, quiet
from benchmarks.processes import Served

BOOKS = 10
ROUNDS = 3
ECHO = Greeting((b'{"msg":"ready"}',), b'{"msg":"ready"')


@dataclass
class Series:
    served: Served
    greeting: Greeting
    seconds: list[float] = field(default_factory=list)
    cpu: list[float] = field(default_factory=list)
    load: list[float] = field(default_factory=list)

    async def storm(self, size: int) -> None:
        clients = new_crowd(self.served.url, self.greeting)
        await clients.start()
        try:
            cpu, load = cpu_seconds(self.served.pid), clients.cpu()
            self.seconds.append(await clients.open(size, size))
            self.cpu.append(cpu_seconds(self.served.pid) - cpu)
            self.load.append(clients.cpu() - load)
        finally:
            await clients.close()


async def run(world: World) -> list[Table]:
    size = world.scale.storm
    table = Table(
        f"Storm: {size:,} clients connect at once and subscribe to {BOOKS} books",
        ["", "until all are ready", "of floor", "clients/s", "CPU per client", "load busy"],
    )
    async with await psycopg.AsyncConnection.connect(world.dsn, autocommit=True) as connection:
        await connection.execute(bookstore.fill(BOOKS))
    for name in ("dddp", "stock"):
        series = Series(world.live(name), DDP)
        await quiet(series.served.pid)
        floor = Series(world.floor, ECHO)
        for _ in range(ROUNDS):
            await floor.storm(size)
            await series.storm(size)
        for one in (series, floor):
            _add(table, size, one, median(floor.seconds))
        table.figures[f"{name}: seconds"] = median(series.seconds)
        table.figures[f"{name}: of floor"] = median(series.seconds) / median(floor.seconds)
    rates: list[Any] = [row["clients_per_second"] for row in table.data]
    names = [row["name"] for row in table.data]
    table.chart = Chart("Storm", "clients/s", names, {"": rates}, is_log=True)
    return [table]


def _add(table: Table, size: int, one: Series, floor: float) -> None:
    seconds = median(one.seconds)
    cpu = median(one.cpu) / size
    busy = median(one.load) / seconds
    cells = [one.served.name, f"{seconds:.2f} s", ratio(seconds, floor), f"{size / seconds:,.0f}"]
    cells += [f"{cpu * 1e6:,.0f} us", f"{busy:.0%}"]
    data = {"name": one.served.name, "clients": size, "seconds": seconds, "load_busy": busy}
    table.add(cells, {**data, "clients_per_second": size / seconds, "cpu_per_client": cpu})
