"""Clients that call again as soon as they have their answer: over a WebSocket, or over HTTP."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import cast

from benchmarks.crowd import CONNECT, PING, PONG, READY_SECONDS
from benchmarks.websocket import WebSocket

LENGTH = b"content-length: "


class Caller:
    """One client. `call(number)` is what it sends; each answer's seconds are added to `times`."""

    def __init__(self, times: list[float]) -> None:
        self.times = times
        self.wrong = 0
        self._number = 0
        self._running = False
        self._stopped = asyncio.Event()
        self._open = asyncio.Event()

    async def start(self) -> None:
        self._running = True
        self._stopped.clear()
        self._next()

    async def stop(self) -> None:
        """Return with the last answer."""
        self._running = False
        await asyncio.wait_for(self._stopped.wait(), READY_SECONDS)

    def _next(self) -> None:
        self._number += 1
        self._begin = time.perf_counter()
        self._call(self._number)

    def _call(self, number: int) -> None:
        raise NotImplementedError

    def _answered(self, is_right: bool, when: float) -> None:
        self.times.append(when - self._begin)
        self.wrong += not is_right
        if self._running:
            self._next()
        else:
            self._stopped.set()


class DDPCaller(Caller):
    """Calls a method with a number; it may be any server that gives back a frame for each."""

    def __init__(self, url: str, call: Callable[[int], bytes], times: list[float]) -> None:
        super().__init__(times)
        self.socket = WebSocket(url, self._take)
        self._make = call

    async def open(self) -> None:
        await self.socket.connect()
        self.socket.send(CONNECT)
        await asyncio.wait_for(self._open.wait(), READY_SECONDS)

    async def close(self) -> None:
        await self.socket.close()

    def _call(self, number: int) -> None:
        self.socket.send(self._make(number))

    def _take(self, payload: bytes, when: float) -> None:
        if payload.startswith((b'{"msg":"result"', b'{"msg":"method"')):
            self._answered(b'"error"' not in payload, when)
        elif payload.startswith((b'{"msg":"connect"', b'{"msg":"connected"')):
            self._open.set()
        elif payload.startswith(PING):
            self.socket.send(PONG)


class HTTPCaller(Caller, asyncio.Protocol):
    """POSTs a number as JSON on a connection that is kept."""

    def __init__(self, address: tuple[str, int], path: str, times: list[float]) -> None:
        super().__init__(times)
        self._address = address
        self._head = (
            f"POST {path} HTTP/1.1\r\nHost: {address[0]}:{address[1]}\r\n"
            "Content-Type: application/json\r\nContent-Length: "
        ).encode()
        self._buffer = b""

    async def open(self) -> None:
        loop = asyncio.get_running_loop()
        transport, _ = await loop.create_connection(lambda: self, *self._address)
        self._transport = cast(asyncio.Transport, transport)

    async def start(self) -> None:
        # Who has waited for others longer than servers keep connections without requests.
        if self._transport.is_closing():
            await self.open()
        await super().start()

    async def close(self) -> None:
        self._transport.abort()

    def _call(self, number: int) -> None:
        body = b"%d" % number
        self._transport.write(self._head + b"%d\r\n\r\n%s" % (len(body), body))

    def data_received(self, data: bytes) -> None:
        when = time.perf_counter()
        self._buffer += data
        end = self._buffer.find(b"\r\n\r\n")
        if end < 0:
            return
        at = self._buffer.lower().find(LENGTH) + len(LENGTH)
        size = int(self._buffer[at : self._buffer.find(b"\r\n", at)])
        if len(self._buffer) >= end + 4 + size:
            is_right = self._buffer.startswith(b"HTTP/1.1 200")
            self._buffer = b""
            self._answered(is_right, when)
