"""From sending COMMIT to the clients: when nothing else happens, and under 500 changes a second.

The floor is raw LISTEN/NOTIFY whose payload goes to WebSockets as it is (floor.py); the two take
turns.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

from benchmarks.cases import World
from benchmarks.crowd import DDP, SILENT, Crowd, PythonCrowd, crowd
from benchmarks.figures import Chart, Table, percentile, ratio
from benchmarks.writer import Writer, writer

BOOKS = 1_000
"""More than are changed while anything is under way, so that no change replaces another."""
TURNS = 3
SECONDS = 30
PERCENTS = {"p50": 50, "p99": 99, "p99.9": 99.9}


@dataclass
class Measured:
    """One server in one situation; seconds."""

    name: str
    crowd: Crowd | PythonCrowd
    write: Callable[[], Awaitable[float]]
    hand: Writer
    times: list[float] = field(default_factory=list)
    lost: int = 0
    load: float = 0.0
    seconds: float = 0.0

    async def turn(self, changes: int, rate: float | None) -> None:
        """So many changes; without a rate each is waited for before the next."""
        load, begin = self.crowd.cpu(), time.perf_counter()
        if rate is None:
            for _ in range(changes):
                await self.crowd.expect(1)
                await self._collect([await self.write()])
        else:
            await self.crowd.expect(changes)
            await self._collect([sent async for sent in paced(self.write, changes, rate)])
        self.load += self.crowd.cpu() - load
        self.seconds += time.perf_counter() - begin

    async def _collect(self, sent: list[float]) -> None:
        arrived = await self.crowd.arrived(SECONDS)
        self.lost += abs(arrived.missing) + arrived.wrong
        self.lost += sum(not self.hand.is_right(message) for message in arrived.messages)
        if arrived.missing == 0:
            pairs = zip(arrived.times, arrived.places, strict=True)
            self.times += [when - sent[place] for when, place in pairs]


async def paced(write: Callable[[], Awaitable[float]], changes: int, rate: float) -> Any:
    """Write at that rate, or as fast as it goes; yields when each was sent."""
    due = time.perf_counter()
    for _ in range(changes):
        due += 1 / rate
        if (early := due - time.perf_counter()) > 0:
            await asyncio.sleep(early)
        yield await write()


async def run(world: World) -> list[Table]:
    table = Table(
        "Latency, from sending COMMIT to the clients",
        ["", "clients", "server", *PERCENTS, "p50 of floor", "changes/s", "load busy", "lost"],
    )
    scale = world.scale
    for size in (1, scale.many):
        async with (
            writer(world.dsn, BOOKS) as hand,
            crowd(world.dddp.url, size, DDP) as subscribers,
            crowd(world.listening_floor.url, size, SILENT) as listeners,
        ):
            idle = max(1, scale.latency_rounds if size == 1 else scale.latency_rounds // 5)
            busy = max(1, round(scale.latency_rate * scale.latency_seconds))
            for name, changes, rate in (
                ("idle", idle, None),
                (f"{scale.latency_rate:,} changes/s", busy, scale.latency_rate),
            ):
                ways = [
                    Measured("dddp", subscribers, hand.change, hand),
                    Measured(world.listening_floor.name, listeners, hand.notify, hand),
                ]
                for way in ways:
                    await way.turn(5, None)
                    way.times.clear()
                for _ in range(TURNS):
                    for way in ways:
                        await way.turn(max(1, changes // TURNS), rate)
                _add(table, name, size, ways, changes)
    labels = [f"{row['situation']}, {row['clients']} clients, {row['name']}" for row in table.data]
    series = {name: [row[name] * 1e3 for row in table.data] for name in PERCENTS}
    table.chart = Chart("Latency", "ms", labels, series, is_log=True)
    return [table]


def _add(table: Table, situation: str, size: int, ways: list[Measured], changes: int) -> None:
    floor = percentile(ways[-1].times or [0], 50)
    for way in ways:
        times = {name: percentile(way.times or [SECONDS], p) for name, p in PERCENTS.items()}
        rate, busy = changes / way.seconds, way.load / way.seconds
        cells = [situation, f"{size}", way.name]
        cells += [f"{seconds * 1e3:.2f} ms" for seconds in times.values()]
        cells += [ratio(times["p50"], floor), f"{rate:,.0f}", f"{busy:.0%}", f"{way.lost}"]
        data = {"situation": situation, "clients": size, "name": way.name, "lost": way.lost}
        table.add(cells, {**data, **times, "per_second": rate, "load_busy": busy})
        table.lost += way.lost
        name = f"{situation}, {size} client{'s' if size > 1 else ''}, {way.name}"
        for percent, seconds in times.items():
            table.figures[f"{name}: {percent} ms"] = seconds * 1e3
        if floor and way is not ways[-1]:
            table.figures[f"{name}: p50 of floor"] = times["p50"] / floor
