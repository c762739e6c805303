"""Calls per second and how long one takes: methods, and the same code in views on the same server.

Each client calls again as soon as it has its answer. The floor for an echo is a server in C that
sends back what it gets; for a write it is the view, as both are Django's ORM and PostgreSQL.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import psycopg

from benchmarks import bookstore
from benchmarks.callers import DDPCaller, HTTPCaller
from benchmarks.cases import World
from benchmarks.figures import Chart, Table, median, percentile, ratio
from benchmarks.machine import cpu_seconds
from benchmarks.processes import Served

TURNS = 2
WARM_UP_SECONDS = 0.2
METHOD = b'{"msg":"method","method":"benchmark/%s","id":"%d","params":[%d]}'
KINDS = ("echo", "write")
Callers = list[DDPCaller] | list[HTTPCaller]


@dataclass
class Way:
    """One way to call, with one number of clients."""

    name: str
    served: Served
    caller: Callable[[list[float]], DDPCaller | HTTPCaller]
    times: list[float] = field(default_factory=list)
    calls: int = 0
    seconds: float = 0.0
    cpu: float = 0.0
    load: float = 0.0
    wrong: int = 0

    async def turn(self, clients: int, seconds: float) -> None:
        callers = [self.caller(self.times) for _ in range(clients)]
        for each in callers:
            await each.open()
        await self._run(callers, min(seconds, WARM_UP_SECONDS))
        warm = len(self.times)
        cpu, load, begin = cpu_seconds(self.served.pid), time.process_time(), time.perf_counter()
        await self._run(callers, seconds)
        self.seconds += time.perf_counter() - begin
        self.load += time.process_time() - load
        self.cpu += cpu_seconds(self.served.pid) - cpu
        self.calls += len(self.times) - warm
        for each in callers:
            self.wrong += each.wrong
            await each.close()

    async def _run(self, callers: list[Any], seconds: float) -> None:
        for each in callers:
            await each.start()
        await asyncio.sleep(seconds)
        for each in callers:
            await each.stop()

    def summary(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "calls_per_second": self.calls / self.seconds,
            "p50": median(self.times),
            "p99": percentile(self.times, 99),
            "cpu_per_call": self.cpu / self.calls,
            "server_busy": self.cpu / self.seconds,
            "load_busy": self.load / self.seconds,
            "wrong": self.wrong,
        }


async def run(world: World) -> list[Table]:
    async with await psycopg.AsyncConnection.connect(world.dsn, autocommit=True) as connection:
        await connection.execute(bookstore.fill(50))
    return [await _kind(world, kind) for kind in KINDS]


async def _kind(world: World, kind: str) -> Table:
    table = Table(
        f"Methods: {kind}",
        ["clients", "", "calls/s", "of the view's", "p50", "p99", "CPU per call", "server busy"],
    )
    table.columns += ["load busy", "wrong"]
    for clients in world.scale.callers:
        ways = _ways(world, kind)
        for _ in range(TURNS):
            for way in ways:
                await way.turn(clients, world.scale.call_seconds)
        all_figures = [way.summary() for way in ways]
        view = next(each for each in all_figures if each["name"] == "view, connections kept")
        loop = [each for each in all_figures if each["name"] == "method, on_loop"]
        for each in all_figures:
            _add(table, clients, each, view)
        _keep(table, kind, clients, all_figures[0], view)
        for each in loop:
            _keep(table, f"{kind} on_loop", clients, each, view)
    table.chart = _chart(table, kind)
    return table


def _ways(world: World, kind: str) -> list[Way]:
    dddp, floor = world.dddp, world.floor

    def method(number: int) -> bytes:
        return METHOD % (kind.encode(), number, number)

    def on_loop(number: int) -> bytes:
        return METHOD % (b"echo_on_loop", number, number)

    ways = [
        Way("method", dddp, lambda times: DDPCaller(dddp.url, method, times)),
        Way("view", dddp, lambda times: HTTPCaller(dddp.http, f"/{kind}", times)),
        Way(
            "view, connections kept",
            dddp,
            lambda times: HTTPCaller(dddp.http, f"/kept/{kind}", times),
        ),
    ]
    if kind == "echo":
        ways.append(Way("method, on_loop", dddp, lambda times: DDPCaller(dddp.url, on_loop, times)))
        ways.append(Way(floor.name, floor, lambda times: DDPCaller(floor.url, method, times)))
    return ways


def _add(table: Table, clients: int, one: dict[str, Any], view: dict[str, Any]) -> None:
    table.lost += one["wrong"]
    cells = [
        f"{clients}",
        one["name"],
        f"{one['calls_per_second']:,.0f}",
        ratio(one["calls_per_second"], view["calls_per_second"]),
        f"{one['p50'] * 1e3:.2f} ms",
        f"{one['p99'] * 1e3:.2f} ms",
        f"{one['cpu_per_call'] * 1e6:.0f} us",
        f"{one['server_busy']:.0%}",
        f"{one['load_busy']:.0%}",
        f"{one['wrong']}",
    ]
    table.add(cells, {"clients": clients, **one})


def _keep(
    table: Table, kind: str, clients: int, method: dict[str, Any], view: dict[str, Any]
) -> None:
    name = f"{kind}, {clients} clients"
    table.figures[f"{name}: calls/s"] = method["calls_per_second"]
    table.figures[f"{name}: time of the view's"] = (
        view["calls_per_second"] / method["calls_per_second"]
    )
    table.figures[f"{name}: CPU of the view's"] = method["cpu_per_call"] / view["cpu_per_call"]


def _chart(table: Table, kind: str) -> Chart:
    series: dict[str, list[float]] = {}
    for row in table.data:
        series.setdefault(row["name"], []).append(row["calls_per_second"])
    labels = [f"{clients}" for clients in dict.fromkeys(row["clients"] for row in table.data)]
    return Chart(f"Methods: {kind}, by clients", "calls/s", labels, series)
