"""The peer beside this project: Django Channels, channels_redis and djangochannelsrestframework.

Both serve the same books to the same clients from one core, in turns. The peer's database has no
triggers, and what Redis uses is not counted.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import psycopg

from benchmarks import bookstore
from benchmarks.cases import World
from benchmarks.cases.fanout import Measured
from benchmarks.cases.initial import AUTHORS, READY
from benchmarks.cases.memory import grown
from benchmarks.cases.storm import Series
from benchmarks.crowd import CONNECTED, DDP, SUBSCRIBE, Greeting, crowd
from benchmarks.figures import Chart, Table, median, number, percentile
from benchmarks.machine import quiet
from benchmarks.peers import Peer, UnavailableError, peer
from benchmarks.processes import Served
from benchmarks.writer import writer

BOOKS = 50
OBSERVE = Greeting((b'{"action":"subscribe_books","request_id":1}',), b'{"errors"')
LIST = b'{"action":"list","request_id":2}'
MANY = 100
MOST_ROUNDS, FEWEST_ROUNDS, DELIVERIES = 50, 5, 3_000
LISTS = 3
SECONDS = 60


@dataclass
class Side:
    """One of the two."""

    served: Served
    greeting: Greeting
    write: Callable[[], Awaitable[float]]
    is_right: Callable[[bytes], bool]


@dataclass
class Both:
    dddp: Side
    peer: Side
    table: Table

    def add(self, what: str, figures: tuple[float, float], unit: str, scale: float = 1) -> None:
        """A line: dddp's figure, the peer's, in the unit; more is not always better."""
        ours, theirs = figures
        cells = [f"{number(value * scale)} {unit}" for value in figures]
        ratio = theirs / ours if ours else 0.0
        data = {"what": what, "dddp": ours, "peer": theirs}
        self.table.add([what, *cells, f"{ratio:.2f}x"], data)
        self.table.figures[f"{what}, of dddp's"] = ratio


async def run(world: World) -> list[Table]:
    table = Table(
        "The peer: Channels, channels_redis and djangochannelsrestframework",
        ["", "dddp", "peer", "peer / dddp"],
    )
    try:
        with peer(world.dsn, world.logs / "peer.log") as running:
            await _run(world, table, running)
    except UnavailableError as error:
        table.notes.append(f"Not measured. {error}")
        return [table]
    rows = [row for row in table.data if row["dddp"] > 0]
    ratios = {"peer / dddp": [row["peer"] / row["dddp"] for row in rows]}
    table.chart = Chart("The peer", "x", [row["what"] for row in rows], ratios, is_log=True)
    return [table]


async def _run(world: World, table: Table, running: Peer) -> None:
    scale = world.scale
    async with (
        writer(world.dsn, BOOKS) as hand,
        await psycopg.AsyncConnection.connect(running.dsn, autocommit=True) as theirs,
    ):
        await theirs.execute(bookstore.fill(BOOKS))
        both = Both(
            Side(world.dddp, DDP, hand.change, hand.is_right),
            Side(
                running.served,
                OBSERVE,
                _saver(running),
                _checker(running),
            ),
            table,
        )
        for size in scale.peer_clients:
            await _changes(both, size)
        await _as_fast_as_it_goes(both, scale.peer_seconds)
        await _storms(both, scale.peer_storm)
    for dsn in (world.dsn, running.dsn):
        async with await psycopg.AsyncConnection.connect(dsn, autocommit=True) as connection:
            await connection.execute(bookstore.fill(scale.documents))
    await quiet(world.dddp.pid)
    await _lists(both, scale.documents)
    sizes = [await grown(side.served, scale.peer_storm, idle) for side, idle in _idle(both)]
    both.add("memory of an idle connection", (sizes[0], sizes[1]), "KiB")


def _idle(both: Both) -> list[tuple[Side, Greeting]]:
    return [(both.dddp, CONNECTED), (both.peer, Greeting())]


def _saver(running: Peer) -> Callable[[], Awaitable[float]]:
    return lambda: asyncio.to_thread(running.save)


def _checker(running: Peer) -> Callable[[bytes], bool]:
    return lambda message: 0 < json.loads(message)["pages"] <= running.number


async def _changes(both: Both, size: int) -> None:
    rounds = max(FEWEST_ROUNDS, min(MOST_ROUNDS, DELIVERIES // size))
    measured = []
    for side in (both.dddp, both.peer):
        async with crowd(side.served.url, size, side.greeting) as clients:
            one = Measured(side.served, clients, side.write, side.is_right)
            for _ in range(3):
                await one.single()
            one.forget()
            for _ in range(rounds):
                await one.single()
        measured.append(one)
    ours, theirs = measured
    both.table.lost += ours.lost
    if theirs.lost:
        both.table.notes.append(f"Of {size:,} clients' deliveries the peer lost {theirs.lost:,}.")
    name = f"one change, {size:,} client{'s' if size > 1 else ''}"
    pair = (ours, theirs)
    for percent in (50, 99):
        times = [percentile(one.latencies, percent) for one in pair]
        both.add(f"{name}: p{percent}", (times[0], times[1]), "ms", 1e3)
    last = [median(one.last) for one in pair]
    both.add(f"{name}: last client", (last[0], last[1]), "ms", 1e3)
    cpu = [median(one.single_cpu) / size for one in pair]
    both.add(f"{name}: CPU per delivery", (cpu[0], cpu[1]), "us", 1e6)


async def _as_fast_as_it_goes(both: Both, seconds: float) -> None:
    rates, lost, written = [], [], []
    for side in (both.dddp, both.peer):
        async with crowd(side.served.url, MANY, side.greeting) as clients:
            await clients.expect(0, 1 << 40)
            begin, count = time.perf_counter(), 0
            while time.perf_counter() - begin < seconds:
                await side.write()
                count += 1
            written.append(count / (time.perf_counter() - begin))
            await quiet(side.served.pid)
            times = (await clients.arrived(0.01)).times
            rates.append(len(times) / (max(times, default=begin + seconds) - begin))
            lost.append(1 - len(times) / (count * MANY))
    both.add(f"one writer, {MANY} clients: changes/s written", (written[0], written[1]), "/s")
    both.add(f"one writer, {MANY} clients: deliveries/s", (rates[0], rates[1]), "/s")
    both.add(f"one writer, {MANY} clients: not delivered", (lost[0], lost[1]), "%", 100)


async def _storms(both: Both, size: int) -> None:
    all_series = [Series(side.served, side.greeting) for side in (both.dddp, both.peer)]
    for series in all_series:
        for _ in range(2):
            await series.storm(size)
    rates = [size / median(series.seconds) for series in all_series]
    both.add(f"storm of {size:,}: clients/s", (rates[0], rates[1]), "/s")


async def _lists(both: Both, documents: int) -> None:
    seconds = []
    for side, greeting, question, messages in (
        (both.dddp, CONNECTED, SUBSCRIBE, documents + AUTHORS + READY),
        (both.peer, OBSERVE, LIST, 1),
    ):
        taken = []
        for _ in range(LISTS):
            async with crowd(side.served.url, 1, greeting) as clients:
                await clients.expect(messages)
                begin = await clients.say(question)
                arrived = await clients.arrived(SECONDS)
                both.table.lost += abs(arrived.missing)
                taken.append(max(arrived.times, default=begin + SECONDS) - begin)
        seconds.append(median(taken))
    rates = [documents / each for each in seconds]
    both.add(f"list of {documents:,}: documents/s", (rates[0], rates[1]), "/s")
