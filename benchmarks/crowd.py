"""Many clients of one server that all get the same, and what reaches them.

They are one process written in C (crowd.c), which takes 2 microseconds for a message where Python
takes 6; without a compiler they are in this process.
"""

from __future__ import annotations

import asyncio
import subprocess
import time
from array import array
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from benchmarks.compiled import compiled
from benchmarks.machine import cpu_seconds
from benchmarks.websocket import WebSocket

CONNECT = b'{"msg":"connect","version":"1","support":["1"]}'
SUBSCRIBE = b'{"msg":"sub","id":"s","name":"AllBooks","params":[]}'
PING = b'{"msg":"ping"'
PONG = b'{"msg":"pong"}'
CONNECTING_AT_ONCE = 50
READY_SECONDS = 60
OPEN_SECONDS = 400


@dataclass(frozen=True)
class Greeting:
    """What each client says first, and how the message begins that it is ready with.

    Without anything to say it is ready when the WebSocket is open.
    """

    says: Sequence[bytes] = ()
    ready: bytes = b""


DDP = Greeting((CONNECT, SUBSCRIBE), b'{"msg":"ready"')
CONNECTED = Greeting((CONNECT,), b'{"msg":"connected"')
SILENT = Greeting()


@dataclass(frozen=True)
class Arrived:
    """What came of what was expected.

    Attributes:
        missing: messages that have not come in time.
        wrong: clients that got something else than the others.
        times: time.perf_counter() of each delivery.
        places: which message of its client each delivery was, from 0.
        messages: what a client got.
    """

    missing: int
    wrong: int
    times: Sequence[float]
    places: Sequence[int]
    messages: Sequence[bytes]


class Crowd:
    """Clients in a process of their own.

    `await expect(messages)` before something is sent, `await arrived(seconds)` after it.
    """

    def __init__(self, program: Path, url: str, greeting: Greeting) -> None:
        parts = urlsplit(url)
        self._command = [str(program), str(parts.port), parts.path]
        self._command += [greeting.ready.decode(), PING.decode()]
        self._greeting = greeting
        self.size = 0

    async def start(self) -> None:
        self._process = await asyncio.create_subprocess_exec(
            *self._command, stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        for each in self._greeting.says:
            self._tell(b"hello " + each)

    async def open(self, size: int, at_once: int = CONNECTING_AT_ONCE) -> float:
        """Open so many clients more; returns the seconds until all were ready."""
        self._tell(b"open %d %d" % (size, at_once))
        word, seconds, failed = await self._answer("opened", OPEN_SECONDS)
        self.size += size
        if int(failed):
            raise ConnectionError(f"{failed} of {size} clients were not let in: {word}")
        return float(seconds)

    async def say(self, text: bytes) -> float:
        """Have each client say it, `{n}` being its number, from 1; returns when."""
        begin = time.perf_counter()
        self._tell(b"say " + text)
        return begin

    async def expect(self, messages: int, total: int | None = None) -> None:
        """Begin anew: each client is to get that many, or all together `total`."""
        self._tell(b"expect %d" % (messages * self.size if total is None else total))
        await self._answer("expecting", READY_SECONDS)

    async def arrived(self, seconds: float) -> Arrived:
        """Wait until all is there, or for so long."""
        with suppress(TimeoutError):
            await self._answer("arrived", seconds)
        self._tell(b"report")
        line = await self._answer("report", READY_SECONDS)
        if line[0] == "arrived":
            line = await self._answer("report", READY_SECONDS)
        missing, wrong, count, payloads, size = map(int, line[1:])
        assert self._process.stdout is not None
        times = array("d")
        times.frombytes(await self._process.stdout.readexactly(count * times.itemsize))
        places = array("i")
        places.frombytes(await self._process.stdout.readexactly(count * places.itemsize))
        text = await self._process.stdout.readexactly(size)
        messages = text.split(b"\n")[:-1]
        assert len(messages) == payloads
        return Arrived(missing, wrong, times, places, messages)

    def cpu(self) -> float:
        """CPU seconds of the load client."""
        return cpu_seconds(self._process.pid) + time.process_time()

    async def close(self) -> None:
        if self._process.returncode is None:
            self._process.kill()
        await self._process.wait()

    def _tell(self, line: bytes) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(line + b"\n")

    async def _answer(self, word: str, seconds: float) -> list[str]:
        assert self._process.stdout is not None
        async with asyncio.timeout(seconds):
            line = (await self._process.stdout.readline()).decode().split()
        if not line or line[0] not in (word, "arrived"):
            raise RuntimeError(f"The load client said {line}, not {word}.")
        return line


class PythonCrowd:
    """The same in this process."""

    def __init__(self, url: str, greeting: Greeting) -> None:
        self._url = url
        self.greeting = greeting
        self.clients: list[Client] = []
        self._begin(0)

    @property
    def size(self) -> int:
        return len(self.clients)

    async def start(self) -> None:
        """As the other one."""

    async def open(self, size: int, at_once: int = CONNECTING_AT_ONCE) -> float:
        begin = time.perf_counter()
        fresh = [Client(self, self._url) for _ in range(size)]
        self.clients += fresh
        for start in range(0, size, at_once):
            await asyncio.gather(*(client.open() for client in fresh[start : start + at_once]))
        return time.perf_counter() - begin

    async def say(self, text: bytes) -> float:
        begin = time.perf_counter()
        for number, client in enumerate(self.clients, 1):
            client.socket.send(text.replace(b"{n}", b"%d" % number))
        return begin

    async def expect(self, messages: int, total: int | None = None) -> None:
        self._begin(messages * self.size if total is None else total)

    async def arrived(self, seconds: float) -> Arrived:
        with suppress(TimeoutError):
            await asyncio.wait_for(self._arrived.wait(), seconds)
        wrong = sum(client.count != len(self.messages) for client in self.clients)
        wrong += sum(count != self.size for count in self.messages.values())
        return Arrived(self.missing, wrong, self.times, self.places, list(self.messages))

    def cpu(self) -> float:
        return time.process_time()

    async def close(self) -> None:
        await asyncio.gather(*(client.socket.close() for client in self.clients))

    def take(self, payload: bytes, when: float, place: int) -> None:
        self.messages[payload] += 1
        self.times.append(when)
        self.places.append(place)
        self.missing -= 1
        if self.missing == 0:
            self._arrived.set()

    def _begin(self, total: int) -> None:
        self.missing = total
        self.messages: Counter[bytes] = Counter()
        self.times: list[float] = []
        self.places: list[int] = []
        self._arrived = asyncio.Event()
        for client in self.clients:
            client.count = 0


class Client:
    """One connection."""

    def __init__(self, crowd: PythonCrowd, url: str) -> None:
        self._crowd = crowd
        self.count = 0
        self.socket = WebSocket(url, self._take)
        self._ready = asyncio.Event()

    async def open(self) -> None:
        await self.socket.connect()
        for each in self._crowd.greeting.says:
            self.socket.send(each)
        if self._crowd.greeting.says:
            await asyncio.wait_for(self._ready.wait(), READY_SECONDS)
        else:
            self._ready.set()

    def _take(self, payload: bytes, when: float) -> None:
        if payload.startswith(PING):
            self.socket.send(PONG)
        elif self._ready.is_set():
            self._crowd.take(payload, when, self.count)
            self.count += 1
        elif payload.startswith(self._crowd.greeting.ready):
            self._ready.set()


def new_crowd(url: str, greeting: Greeting) -> Crowd | PythonCrowd:
    program = compiled("crowd")
    return Crowd(program, url, greeting) if program else PythonCrowd(url, greeting)


@asynccontextmanager
async def crowd(
    url: str, size: int, greeting: Greeting = DDP
) -> AsyncIterator[Crowd | PythonCrowd]:
    everyone = new_crowd(url, greeting)
    await everyone.start()
    try:
        if size:
            await everyone.open(size)
        yield everyone
    finally:
        await everyone.close()
