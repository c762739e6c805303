"""A process beside a server: how fast it answers pings, and how much memory it has.

It has a connection of its own, subscribed to nothing: what is measured is whether the server's
event loop is free, not how much waits for a client that reads much. One ping each 20 ms, whether
the one before has been answered or not.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from multiprocessing import get_context
from multiprocessing.connection import Connection

import uvloop

from benchmarks.crowd import CONNECT, PONG
from benchmarks.machine import resident
from benchmarks.websocket import WebSocket

EVERY = 0.02
LAST_PONGS_SECONDS = 20.0


@dataclass
class Seen:
    """Times are time.perf_counter(), the same clock in all processes.

    Attributes:
        pings: when sent -> seconds until the answer was read.
        memory: when -> bytes resident.
        late: the longest that this process itself did not run.
    """

    pings: dict[float, float] = field(default_factory=dict)
    memory: dict[float, int] = field(default_factory=dict)
    late: float = 0.0
    unanswered: int = 0

    def pings_between(self, begin: float, end: float) -> list[float]:
        return [seconds for when, seconds in self.pings.items() if begin <= when <= end]

    def memory_between(self, begin: float, end: float) -> list[int]:
        return [size for when, size in self.memory.items() if begin <= when <= end]


class Watcher:
    """`seen()` ends the watching."""

    def __init__(self, pipe: Connection) -> None:
        self._pipe = pipe

    def seen(self) -> Seen:
        self._pipe.send(None)
        seen: Seen = self._pipe.recv()
        return seen


@contextmanager
def watching(url: str, pid: int) -> Iterator[Watcher]:
    """Watch a server from now on."""
    context = get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=_process, args=(url, pid, theirs), daemon=True)
    process.start()
    try:
        ours.recv()
        yield Watcher(ours)
    finally:
        process.terminate()
        process.join()


def _process(url: str, pid: int, pipe: Connection) -> None:
    # It shares a core with the clients, and needs little of it, at once.
    with suppress(PermissionError):
        os.nice(-10)
    uvloop.run(_watch(url, pid, pipe))


async def _watch(url: str, pid: int, pipe: Connection) -> None:
    seen, sent = Seen(), dict[bytes, float]()

    def take(payload: bytes, when: float) -> None:
        if payload.startswith(b'{"msg":"pong"'):
            begin = sent.pop(payload.split(b'"id":"')[1].split(b'"')[0])
            seen.pings[begin] = when - begin
        elif payload.startswith(b'{"msg":"ping"'):
            socket.send(PONG)

    socket = WebSocket(url, take)
    await socket.connect()
    socket.send(CONNECT)
    pipe.send("watching")
    due = time.perf_counter()
    for number in range(1_000_000):
        due += EVERY
        await asyncio.sleep(due - time.perf_counter())
        now = time.perf_counter()
        seen.late = max(seen.late, now - due)
        seen.memory[now] = resident(pid)
        if pipe.poll():
            break
        identity = b"%d" % number
        sent[identity] = now
        socket.send(b'{"msg":"ping","id":"%s"}' % identity)
        due = max(due, now - EVERY)
    with suppress(TimeoutError):
        async with asyncio.timeout(LAST_PONGS_SECONDS):
            while sent:  # noqa: ASYNC110, the last answers
                await asyncio.sleep(EVERY)
    seen.unanswered = len(sent)
    pipe.send(seen)
