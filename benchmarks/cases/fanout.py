"""One change, N clients who all see it: how late, and what it costs the server.

Floor and dddp take turns, a few rounds each, with the same bytes to the same number of clients.
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from benchmarks.cases import World
from benchmarks.crowd import Crowd, crowd
from benchmarks.figures import Table, median, percentile, ratio
from benchmarks.machine import cpu_seconds
from benchmarks.processes import Served
from benchmarks.writer import Writer, writer

BOOKS = 50
"""Also the changes of a burst: each changes another book, so that none replaces another."""
TURNS = 5
BURSTS = 2
SECONDS = 30
WARM_UP = 5


@dataclass
class Measured:
    """Of one server at one number of clients; times in seconds."""

    served: Served
    crowd: Crowd
    write: Callable[[], Awaitable[float]]
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
        self.crowd.expect(1)
        cpu = cpu_seconds(self.served.pid)
        sent = await self.write()
        self.lost += await self.crowd.arrived(SECONDS)
        self.single_cpu.append(cpu_seconds(self.served.pid) - cpu)
        times = [when - sent for when in self.crowd.times]
        self.latencies += times
        self.last.append(max(times, default=SECONDS))

    async def burst(self) -> None:
        """All books changed, one transaction after the other, as fast as one writer can."""
        self.crowd.expect(BOOKS)
        cpu, load, begin = cpu_seconds(self.served.pid), time.process_time(), time.perf_counter()
        for _ in range(BOOKS):
            await self.write()
        self.lost += await self.crowd.arrived(SECONDS)
        self.burst_seconds += time.perf_counter() - begin
        self.burst_cpu += cpu_seconds(self.served.pid) - cpu
        self.load_cpu += time.process_time() - load
        self.burst_deliveries += len(self.crowd.times)

    def summary(self) -> dict[str, float]:
        return {
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


async def run(world: World) -> list[Table]:
    late = Table(
        "Fan-out: one change, from sending COMMIT to the clients (dddp / floor)",
        ["clients", "p50", "p99", "last client", "ratio", "CPU per delivery", "ratio", "lost"],
    )
    cost = Table(
        f"Fan-out: {BOOKS} changes in a row (dddp / floor)",
        ["clients", "CPU per delivery", "ratio", "deliveries/s", "server busy", "load busy"],
    )
    for size in world.scale.clients:
        dddp, floor = await _measure(world, size)
        data = {"clients": size, "dddp": dddp, "floor": floor}
        late.lost += int(dddp["lost"] + floor["lost"])
        late.add([f"{size:,}", *_late_cells(dddp, floor)], data)
        cost.add([f"{size:,}", *_cost_cells(dddp, floor)], data)
    return [late, cost]


async def _measure(world: World, size: int) -> tuple[dict[str, float], dict[str, float]]:
    rounds = max(world.scale.rounds // max(1, size // 100), world.scale.rounds // 10)
    async with (
        writer(world.dsn, BOOKS) as hand,
        crowd(world.dddp.url, size, is_ddp=True) as subscribers,
        crowd(world.floor.url, size, is_ddp=False) as listeners,
    ):
        both = (
            Measured(world.dddp, subscribers, hand.change),
            Measured(world.floor, listeners, hand.notify),
        )
        for one in both:
            await _warm_up(one)
        for _ in range(TURNS):
            for one in both:
                for _ in range(rounds // TURNS):
                    await one.single()
                _check(one, hand)
                for _ in range(BURSTS):
                    await one.burst()
                    _check(one, hand)
        return both[0].summary(), both[1].summary()


async def _warm_up(one: Measured) -> None:
    for _ in range(WARM_UP):
        await one.single()
    one.latencies.clear()
    one.last.clear()
    one.single_cpu.clear()


def _check(one: Measured, hand: Writer) -> None:
    one.lost += sum(
        count for message, count in one.crowd.messages.items() if not hand.is_right(message)
    )


def _late_cells(dddp: dict[str, float], floor: dict[str, float]) -> list[str]:
    pairs = [f"{dddp[n] * 1e3:.2f} / {floor[n] * 1e3:.2f} ms" for n in ("p50", "p99", "last")]
    lost = f"{dddp['lost']:.0f} / {floor['lost']:.0f}"
    return [
        *pairs,
        ratio(dddp["last"], floor["last"]),
        *_cpu_cells(dddp, floor, "cpu_single"),
        lost,
    ]


def _cost_cells(dddp: dict[str, float], floor: dict[str, float]) -> list[str]:
    return [
        *_cpu_cells(dddp, floor, "cpu_per_delivery"),
        f"{dddp['deliveries_per_second']:,.0f} / {floor['deliveries_per_second']:,.0f}",
        f"{dddp['server_busy']:.0%} / {floor['server_busy']:.0%}",
        f"{dddp['load_busy']:.0%} / {floor['load_busy']:.0%}",
    ]


def _cpu_cells(dddp: dict[str, float], floor: dict[str, float], name: str) -> list[str]:
    both = f"{dddp[name] * 1e6:.1f} / {floor[name] * 1e6:.1f} us"
    return [both, ratio(dddp[name], floor[name])]
