"""One change, N clients who all see it: how late, and what it costs the server.

Each server takes turns with the floor, a few rounds each, with the same bytes to the same number
of clients.
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

from benchmarks.cases import World
from benchmarks.compiled import COMPILER, NO_COMPILER
from benchmarks.crowd import DDP, SILENT, Arrived, Crowd, PythonCrowd, crowd
from benchmarks.figures import Chart, Table, median, percentile, ratio
from benchmarks.machine import cpu_seconds
from benchmarks.processes import Served
from benchmarks.writer import Writer, writer

BOOKS = 50
"""Also the changes of a burst: each changes another book, so that none replaces another."""
TURNS = 3
SECONDS = 30
WARM_UP = 5
LIVE = ("dddp", "stock")
"""In this order with each number of clients."""


@dataclass
class Measured:
    """Of one server at one number of clients; times in seconds."""

    served: Served
    crowd: Crowd | PythonCrowd
    write: Callable[[], Awaitable[float]]
    is_right: Callable[[bytes], bool]
    latencies: list[float] = field(default_factory=list)
    last: list[float] = field(default_factory=list)
    single_cpu: list[float] = field(default_factory=list)
    burst_seconds: float = 0.0
    burst_cpu: float = 0.0
    burst_deliveries: int = 0
    lost: int = 0
    load_cpu: float = 0.0

    async def single(self) -> None:
        """One change, waited for."""
        await self.crowd.expect(1)
        cpu = cpu_seconds(self.served.pid)
        sent = await self.write()
        arrived = await self.crowd.arrived(SECONDS)
        self.single_cpu.append(cpu_seconds(self.served.pid) - cpu)
        self._count(arrived)
        times = [when - sent for when in arrived.times]
        self.latencies += times
        self.last.append(max(times, default=SECONDS))

    async def burst(self) -> None:
        """All books changed, one transaction after the other, as fast as one writer can."""
        await self.crowd.expect(BOOKS)
        cpu, load, begin = cpu_seconds(self.served.pid), self.crowd.cpu(), time.perf_counter()
        for _ in range(BOOKS):
            await self.write()
        arrived = await self.crowd.arrived(SECONDS)
        self.burst_seconds += max(arrived.times, default=begin + SECONDS) - begin
        self.burst_cpu += cpu_seconds(self.served.pid) - cpu
        self.load_cpu += self.crowd.cpu() - load
        self.burst_deliveries += len(arrived.times)
        self._count(arrived)

    def forget(self) -> None:
        """Of the rounds for warming up only losses are kept."""
        self.latencies.clear()
        self.last.clear()
        self.single_cpu.clear()

    def summary(self) -> dict[str, Any]:
        return {
            "name": self.served.name,
            "p50": median(self.latencies),
            "p99": percentile(self.latencies, 99),
            "last": median(self.last),
            "cpu_single": median(self.single_cpu) / self.crowd.size,
            "cpu_per_delivery": self.burst_cpu / self.burst_deliveries,
            "deliveries_per_second": self.burst_deliveries / self.burst_seconds,
            "server_busy": self.burst_cpu / self.burst_seconds,
            "load_busy": self.load_cpu / self.burst_seconds,
            "lost": self.lost,
        }

    def _count(self, arrived: Arrived) -> None:
        self.lost += abs(arrived.missing) + arrived.wrong
        self.lost += sum(not self.is_right(message) for message in arrived.messages)


async def run(world: World) -> list[Table]:
    late = Table(
        "Fan-out: one change, from sending COMMIT to the clients",
        ["clients", "server", "p50", "p99", "last client", "of floor", "CPU per delivery"],
        notes=[] if COMPILER else [NO_COMPILER],
    )
    late.columns += ["of floor", "lost"]
    cost = Table(
        f"Fan-out: {BOOKS} changes in a row",
        ["clients", "server", "CPU per delivery", "of floor", "deliveries/s", "server busy"],
    )
    cost.columns += ["load busy"]
    for size in world.scale.clients:
        for name in LIVE:
            one, floor = await _measure(world, size, name)
            _add(late, cost, size, name, one, floor)
    late.chart = _chart(late, "cpu_single", "Fan-out: CPU per delivery, one change", "us")
    return [late, cost]


def _add(
    late: Table, cost: Table, size: int, name: str, one: dict[str, Any], floor: dict[str, Any]
) -> None:
    late.lost += one["lost"] + floor["lost"]
    for figure in ("cpu_single", "last", "cpu_per_delivery"):
        late.figures[f"{name} {size:,}: {figure} of floor"] = one[figure] / floor[figure]
    for each in (one, floor):
        data = {"clients": size, "server": name, **each}
        late.add([f"{size:,}", each["name"], *_late_cells(each, floor)], data)
        cost.add([f"{size:,}", each["name"], *_cost_cells(each, floor)], data)


async def _measure(world: World, size: int, name: str) -> tuple[dict[str, Any], dict[str, Any]]:
    rounds = max(world.scale.rounds // max(1, size // 100), world.scale.rounds // 10)
    served = world.live(name)
    async with (
        writer(world.dsn, BOOKS) as hand,
        crowd(served.url, size, DDP) as subscribers,
        crowd(world.floor.url, size, SILENT) as listeners,
    ):
        both = (
            Measured(served, subscribers, hand.change, hand.is_right),
            Measured(world.floor, listeners, _teller(hand, world.floor), hand.is_right),
        )
        for one in both:
            for _ in range(WARM_UP):
                await one.single()
            one.forget()
        for _ in range(TURNS):
            for one in both:
                for _ in range(max(1, rounds // TURNS)):
                    await one.single()
                await one.burst()
        return both[0].summary(), both[1].summary()


def _teller(hand: Writer, floor: Served) -> Callable[[], Awaitable[float]]:
    return lambda: hand.tell(floor.say)


def _chart(table: Table, figure: str, title: str, unit: str) -> Chart:
    sizes = sorted({row["clients"] for row in table.data})
    series: dict[str, list[float]] = {}
    for size in sizes:
        seen = set()
        for row in table.data:
            if row["clients"] == size and row["name"] not in seen:
                seen.add(row["name"])
                series.setdefault(row["name"], []).append(row[figure] * 1e6)
    return Chart(title, unit, [f"{size:,}" for size in sizes], series)


def _late_cells(one: dict[str, Any], floor: dict[str, Any]) -> list[str]:
    times = [f"{one[n] * 1e3:.2f} ms" for n in ("p50", "p99", "last")]
    return [
        *times,
        ratio(one["last"], floor["last"]),
        f"{one['cpu_single'] * 1e6:.1f} us",
        ratio(one["cpu_single"], floor["cpu_single"]),
        f"{one['lost']}",
    ]


def _cost_cells(one: dict[str, Any], floor: dict[str, Any]) -> list[str]:
    return [
        f"{one['cpu_per_delivery'] * 1e6:.1f} us",
        ratio(one["cpu_per_delivery"], floor["cpu_per_delivery"]),
        f"{one['deliveries_per_second']:,.0f}",
        f"{one['server_busy']:.0%}",
        f"{one['load_busy']:.0%}",
    ]
