"""Raw NOTIFY: from sending COMMIT to having the notification, without any server."""

from __future__ import annotations

import asyncio
import time

import psycopg

from benchmarks.cases import World
from benchmarks.figures import Table, median, percentile
from benchmarks.floor import CHANNEL
from benchmarks.writer import writer

ROUNDS = 200
SECONDS = 10


async def run(world: World) -> list[Table]:
    times = await _measure(world.dsn)
    table = Table("Raw LISTEN/NOTIFY, COMMIT to notification", ["", "p50", "p99"])
    data = {"p50": median(times), "p99": percentile(times, 99), "rounds": len(times)}
    cells = ["one listener", f"{data['p50'] * 1e3:.2f} ms", f"{data['p99'] * 1e3:.2f} ms"]
    table.add(cells, data)
    return [table]


async def _measure(dsn: str) -> list[float]:
    """Seconds of each round."""
    times: list[float] = []
    listener = await psycopg.AsyncConnection.connect(dsn, autocommit=True)
    async with listener, writer(dsn, books=10) as hand:
        await listener.execute(f"LISTEN {CHANNEL}")
        loop = asyncio.get_running_loop()
        arrivals: asyncio.Queue[float] = asyncio.Queue()

        def readable() -> None:
            when = time.perf_counter()
            listener.pgconn.consume_input()
            while listener.pgconn.notifies() is not None:
                arrivals.put_nowait(when)

        loop.add_reader(listener.pgconn.socket, readable)
        try:
            for _ in range(ROUNDS):
                sent = await hand.notify()
                times.append(await asyncio.wait_for(arrivals.get(), SECONDS) - sent)
        finally:
            loop.remove_reader(listener.pgconn.socket)
    return times
