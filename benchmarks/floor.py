"""The least any server can do: what PostgreSQL notifies goes to all WebSockets as it is.

    python -m benchmarks.floor PORT DSN
    python -m benchmarks.floor PORT          # lines of standard input instead, as floor.c

One LISTEN, one frame made for all, one write for each client; nothing is looked up, nobody has
subscribed to anything. What a client says is said back to it. uvloop, as the real server.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import os
import re
import sys
from collections.abc import Callable
from typing import cast

import psycopg
import uvloop

CHANNEL = "benchmark_floor"
GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
KEY = re.compile(rb"^sec-websocket-key: *(\S+)", re.IGNORECASE | re.MULTILINE)


class Client(asyncio.Protocol):
    """A connection that only takes messages."""

    def __init__(self, clients: set[asyncio.Transport]) -> None:
        self._clients = clients
        self._request = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        if self._transport in self._clients:
            self._echo(data)
            return
        self._request += data
        key = KEY.search(self._request)
        if key is None or b"\r\n\r\n" not in self._request:
            return
        accept = base64.b64encode(hashlib.sha1(key[1] + GUID).digest())
        self._transport.write(
            b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            b"Sec-WebSocket-Accept: " + accept + b"\r\n\r\n"
        )
        self._clients.add(self._transport)
        self._request = b""

    def _echo(self, data: bytes) -> None:
        """Frames of one size byte or two, masked with zeros, as the load client's are."""
        self._request += data
        while len(self._request) > 8:
            head = 6 if self._request[1] & 127 < 126 else 8
            size = self._request[1] & 127 if head == 6 else int.from_bytes(self._request[2:4])
            if len(self._request) < head + size:
                break
            self._transport.write(frame(self._request[head : head + size]))
            self._request = self._request[head + size :]

    def connection_lost(self, error: Exception | None) -> None:
        self._clients.discard(self._transport)


def frame(payload: bytes) -> bytes:
    size = len(payload)
    if size < 126:
        return bytes((0x81, size)) + payload
    return bytes((0x81, 126)) + size.to_bytes(2, "big") + payload


async def main(port: int, dsn: str | None) -> None:
    loop = asyncio.get_running_loop()
    clients: set[asyncio.Transport] = set()

    def broadcast(payload: bytes) -> None:
        message = frame(payload)
        for transport in clients:
            transport.write(message)

    if dsn is None:
        _take_lines(loop, broadcast)
    else:
        _listen(loop, dsn, broadcast)
    server = await loop.create_server(lambda: Client(clients), "127.0.0.1", port, backlog=2048)
    print("Listening on", port, flush=True)
    await server.serve_forever()


def _listen(loop: asyncio.AbstractEventLoop, dsn: str, broadcast: Callable[[bytes], None]) -> None:
    connection = psycopg.connect(dsn, autocommit=True)
    connection.execute(f"LISTEN {CHANNEL}")
    link = connection.pgconn

    def readable() -> None:
        link.consume_input()
        while (notification := link.notifies()) is not None:
            broadcast(notification.extra)

    loop.add_reader(link.socket, readable)


def _take_lines(loop: asyncio.AbstractEventLoop, broadcast: Callable[[bytes], None]) -> None:
    left = b""

    def readable() -> None:
        nonlocal left
        *lines, left = (left + os.read(0, 65536)).split(b"\n")
        for line in lines:
            broadcast(line)

    loop.add_reader(0, readable)


if __name__ == "__main__":
    uvloop.run(main(int(sys.argv[1]), sys.argv[2] if len(sys.argv) > 2 else None))
