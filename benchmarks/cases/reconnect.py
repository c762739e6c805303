"""All clients lose their connections and come back at once, resuming their sessions or not.

Each has a query of its own, so what the server still holds live is seen in what it asks.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass

import msgspec
import psycopg

from benchmarks import bookstore, statements
from benchmarks.cases import World
from benchmarks.crowd import CONNECT, PING, PONG
from benchmarks.figures import Table, median, ratio
from benchmarks.machine import resident
from benchmarks.processes import Served
from benchmarks.websocket import WebSocket

BOOKS_EACH = 3
ROUNDS = 3
READY_SECONDS = 120
GONE_SECONDS = 0.5
EVERY = 0.01
SUBSCRIBE = b'{"msg":"sub","id":"s","name":"BooksByAuthorEmail","params":["%s"]}'
RESUME = b'{"msg":"connect","version":"1","support":["1"],"session":"%s","receivedCount":%d}'


class Client:
    """Subscribes to the books of one author.

    Attributes:
        resumed: the present connection goes on with the session of the one before.
    """

    def __init__(self, url: str, author: int) -> None:
        self._url = url
        self._subscribe = SUBSCRIBE % bookstore.email(author).encode()
        self._session = b""
        self._received = 0
        self.resumed = False

    async def open(self, resume: bool) -> None:
        """Returns when it is known that all documents are there."""
        self._ready = asyncio.Event()
        self.resumed = False
        self._socket = WebSocket(self._url, self._take)
        await self._socket.connect()
        wanted = RESUME % (self._session, self._received) if resume else CONNECT
        self._socket.send(wanted)
        self._socket.send(self._subscribe)
        await asyncio.wait_for(self._ready.wait(), READY_SECONDS)

    async def cut(self) -> None:
        await self._socket.close()

    def _take(self, payload: bytes, _: float) -> None:
        if payload.startswith(PING):
            self._socket.send(PONG)
            return
        self._received += 1
        if payload.startswith(b'{"msg":"connected"'):
            session = msgspec.json.decode(payload)["session"].encode()
            self.resumed = session == self._session
            if not self.resumed:
                self._session, self._received = session, 1
            else:
                self._ready.set()
        elif payload.startswith(b'{"msg":"ready"'):
            self._ready.set()


@dataclass
class Storm:
    """What it cost to have all clients ready."""

    seconds: float
    statements: int
    memory: float
    resumed: int


async def run(world: World) -> list[Table]:
    size = world.scale.reconnecting
    table = Table(
        f"Reconnect: {size:,} clients at once, each with a query of its own of {BOOKS_EACH} books",
        ["", "until all are ready", "of the first time", "statements", "peak memory", "resumed"],
        notes=["Peak memory: of the server process, relative to that before; medians."],
    )
    world.stop()
    served = world.dddp
    with psycopg.connect(world.dsn, autocommit=True) as connection:
        connection.execute(bookstore.spread(size, BOOKS_EACH))
        clients = [Client(served.url, number) for number in range(1, size + 1)]
        first = [await _storm(served, connection, clients, resume=False)]
        resumed = [await _again(served, connection, clients, resume=True) for _ in range(ROUNDS)]
        anew = [await _again(served, connection, clients, resume=False) for _ in range(ROUNDS)]
    for client in clients:
        await client.cut()
    for name, storms in (("first", first), ("resumed", resumed), ("not resumed", anew)):
        _add(table, name, storms, first[0].seconds)
    table.lost = sum(storm.resumed != size for storm in resumed)
    table.lost += sum(storm.resumed for storm in anew)
    return [table]


async def _again(
    served: Served, connection: psycopg.Connection, clients: list[Client], resume: bool
) -> Storm:
    for client in clients:
        await client.cut()
    # What the server has not read of yet is no lost connection.
    await asyncio.sleep(GONE_SECONDS)
    return await _storm(served, connection, clients, resume)


async def _storm(
    served: Served, connection: psycopg.Connection, clients: list[Client], resume: bool
) -> Storm:
    asked, before = statements.asked(connection), resident(served.pid)
    peak = asyncio.create_task(_peak(served.pid))
    begin = time.perf_counter()
    await asyncio.gather(*(client.open(resume) for client in clients))
    seconds = time.perf_counter() - begin
    peak.cancel()
    most: int = await peak
    return Storm(
        seconds,
        (statements.asked(connection) - asked).statements,
        most / before,
        sum(client.resumed for client in clients),
    )


async def _peak(pid: int) -> int:
    """The most memory it has until this is cancelled."""
    most = resident(pid)
    try:
        while True:
            await asyncio.sleep(EVERY)
            most = max(most, resident(pid))
    except asyncio.CancelledError:
        return max(most, resident(pid))


def _add(table: Table, name: str, storms: list[Storm], first: float) -> None:
    def middle(of: Callable[[Storm], float]) -> float:
        return median([of(storm) for storm in storms])

    seconds, memory = middle(lambda each: each.seconds), middle(lambda each: each.memory)
    asked, resumed = middle(lambda each: each.statements), middle(lambda each: each.resumed)
    cells = [name, f"{seconds:.2f} s", ratio(seconds, first), f"{asked:,.0f}"]
    table.add(
        [*cells, ratio(memory, 1), f"{resumed:,.0f}"],
        {"name": name, "seconds": seconds, "statements": asked, "memory": memory},
    )
    if name != "first":
        table.figures[f"{name}: of the first time"] = seconds / first
        table.figures[f"{name}: statements"] = asked
        table.figures[f"{name}: peak memory"] = memory
