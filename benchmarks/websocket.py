"""The client end of a WebSocket, as cheap as Python allows.

With 1,000 sockets and one message for each, a library's client (`websockets`) takes 17 to 19
microseconds of CPU for a message and this one 6: the load client, not the server, would be
measured. It does what the servers here need and no more: no extensions, no fragments.
"""

from __future__ import annotations

import asyncio
import base64
import os
import time
from collections.abc import Callable
from typing import cast
from urllib.parse import urlsplit

TEXT, CLOSE, PING, PONG = 1, 8, 9, 10


class WebSocket(asyncio.Protocol):
    """`on_message(payload, when)` gets each message; `when` is the clock's as its bytes came."""

    def __init__(self, url: str, on_message: Callable[[bytes, float], None]) -> None:
        self._url = urlsplit(url)
        self._on_message = on_message
        self._buffer = b""
        self._transport: asyncio.Transport | None = None
        self._accepted = False
        loop = asyncio.get_running_loop()
        self.opened: asyncio.Future[None] = loop.create_future()
        self.closed: asyncio.Future[None] = loop.create_future()

    async def connect(self) -> None:
        loop = asyncio.get_running_loop()
        await loop.create_connection(lambda: self, self._url.hostname, self._url.port)
        await self.opened

    def send(self, payload: bytes, opcode: int = TEXT) -> None:
        assert self._transport is not None
        size = len(payload)
        if size < 126:
            head = bytes((0x80 | opcode, 0x80 | size))
        else:
            head = bytes((0x80 | opcode, 0x80 | 126)) + size.to_bytes(2, "big")
        # With a mask of zeros the payload is its own masked form.
        self._transport.write(head + b"\0\0\0\0" + payload)

    async def close(self) -> None:
        if self._transport is not None:
            self._transport.abort()
            await self.closed

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        key = base64.b64encode(os.urandom(16)).decode()
        lines = [
            f"GET {self._url.path} HTTP/1.1",
            f"Host: {self._url.netloc}",
            "Upgrade: websocket",
            "Connection: Upgrade",
            f"Sec-WebSocket-Key: {key}",
            "Sec-WebSocket-Version: 13",
        ]
        self._transport.write("\r\n".join([*lines, "", ""]).encode())

    def connection_lost(self, error: Exception | None) -> None:
        lost = ConnectionError(f"The server closed the connection: {error}")
        if not self.opened.done():
            self.opened.set_exception(lost)
        if not self.closed.done():
            self.closed.set_result(None)

    def data_received(self, data: bytes) -> None:
        when = time.perf_counter()
        if self._buffer:
            data = self._buffer + data
        start = 0 if self._accepted else self._read_answer(data)
        self._buffer = data[self._read_frames(data, start, when) :]

    def _read_answer(self, data: bytes) -> int:
        end = data.find(b"\r\n\r\n")
        if end < 0:
            return 0
        if not data.startswith(b"HTTP/1.1 101"):
            self.opened.set_exception(ConnectionError(data[:end].decode(errors="replace")))
            return len(data)
        self._accepted = True
        self.opened.set_result(None)
        return end + 4

    def _read_frames(self, data: bytes, at: int, when: float) -> int:
        """Hand out all whole frames; returns where the first partial one begins."""
        if not self._accepted:
            return at
        available = len(data)
        while available - at >= 2:
            size = data[at + 1]
            begin = at + 2
            if size == 126:
                begin = at + 4
                size = int.from_bytes(data[at + 2 : begin], "big")
            elif size == 127:
                begin = at + 10
                size = int.from_bytes(data[at + 2 : begin], "big")
            end = begin + size
            if begin > available or end > available:
                break
            if data[at] == 0x80 | TEXT:
                self._on_message(data[begin:end], when)
            elif data[at] == 0x80 | PING:
                self.send(data[begin:end], PONG)
            at = end
        return at
