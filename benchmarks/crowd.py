"""Many clients of one server, and what reaches them."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from benchmarks.websocket import WebSocket

CONNECT = b'{"msg":"connect","version":"1","support":["1"]}'
SUBSCRIBE = b'{"msg":"sub","id":"s","name":"AllBooks","params":[]}'
PONG = b'{"msg":"pong"}'
CONNECTING_AT_ONCE = 50
READY_SECONDS = 60


class Crowd:
    """N clients which count what they get.

    `expect(messages)` before something is sent, `await arrived(seconds)` after it.
    """

    def __init__(self, url: str, size: int, is_ddp: bool) -> None:
        self._url = url
        self._is_ddp = is_ddp
        self.size = size
        self.clients: list[Client] = []
        self.expect(0)

    def expect(self, messages: int) -> None:
        """Begin anew: each client is to get that many."""
        self.missing = messages * self.size
        self.messages: Counter[bytes] = Counter()
        self.times: list[float] = []
        self._arrived = asyncio.Event()
        for client in self.clients:
            client.count = 0

    async def arrived(self, seconds: float) -> int:
        """Wait until all is there; returns how many messages are missing after `seconds`."""
        try:
            await asyncio.wait_for(self._arrived.wait(), seconds)
        except TimeoutError:
            return self.missing
        return self._unequal()

    def _unequal(self) -> int:
        """Deliveries that are wrong though their number is right: some lost, others twice."""
        wanted = len(self.messages)
        wrong = sum(abs(client.count - wanted) for client in self.clients)
        return wrong + sum(abs(count - self.size) for count in self.messages.values())

    def take(self, payload: bytes, when: float) -> None:
        self.messages[payload] += 1
        self.times.append(when)
        self.missing -= 1
        if self.missing == 0:
            self._arrived.set()

    async def open(self) -> None:
        self.clients = [Client(self, self._url) for _ in range(self.size)]
        for start in range(0, self.size, CONNECTING_AT_ONCE):
            some = self.clients[start : start + CONNECTING_AT_ONCE]
            await asyncio.gather(*(client.open(self._is_ddp) for client in some))

    async def close(self) -> None:
        await asyncio.gather(*(client.socket.close() for client in self.clients))


class Client:
    """One connection; a DDP client subscribes to AllBooks."""

    def __init__(self, crowd: Crowd, url: str) -> None:
        self._crowd = crowd
        self.count = 0
        self.socket = WebSocket(url, self._take)
        self._ready = asyncio.Event()

    async def open(self, is_ddp: bool) -> None:
        await self.socket.connect()
        if is_ddp:
            self.socket.send(CONNECT)
            self.socket.send(SUBSCRIBE)
            await asyncio.wait_for(self._ready.wait(), READY_SECONDS)
        else:
            self._ready.set()

    def _take(self, payload: bytes, when: float) -> None:
        if payload.startswith(b'{"msg":"ping"'):
            self.socket.send(PONG)
        elif self._ready.is_set():
            self.count += 1
            self._crowd.take(payload, when)
        elif payload.startswith(b'{"msg":"ready"'):
            self._ready.set()


@asynccontextmanager
async def crowd(url: str, size: int, is_ddp: bool) -> AsyncIterator[Crowd]:
    everyone = Crowd(url, size, is_ddp)
    try:
        await everyone.open()
        yield everyone
    finally:
        await everyone.close()


class Subscriber:
    """One client that subscribes once: how long, how many documents."""

    def __init__(self, url: str) -> None:
        self.socket = WebSocket(url, self._take)
        self._connected = asyncio.Event()
        self._ready = asyncio.Event()
        self.documents = 0
        self.bytes = 0

    async def connect(self) -> None:
        await self.socket.connect()
        self.socket.send(CONNECT)
        await asyncio.wait_for(self._connected.wait(), READY_SECONDS)

    async def subscribe(self) -> float:
        """Returns the seconds until ready."""
        begin = time.perf_counter()
        self.socket.send(SUBSCRIBE)
        await asyncio.wait_for(self._ready.wait(), READY_SECONDS)
        return self._when - begin

    def _take(self, payload: bytes, when: float) -> None:
        if payload.startswith(b'{"msg":"added"'):
            self.documents += 1
            self.bytes += len(payload)
        elif payload.startswith(b'{"msg":"ready"'):
            self._when = when
            self._ready.set()
        elif payload.startswith(b'{"msg":"connected"'):
            self._connected.set()
