"""The least any server can do: what PostgreSQL notifies goes to all WebSockets as it is.

    python -m benchmarks.floor PORT DSN

One LISTEN, one frame made for all, one write for each client; nothing is looked up, nobody has
subscribed to anything. uvloop, as the real server.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import re
import sys
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

    def connection_lost(self, error: Exception | None) -> None:
        self._clients.discard(self._transport)


def frame(payload: bytes) -> bytes:
    size = len(payload)
    if size < 126:
        return bytes((0x81, size)) + payload
    return bytes((0x81, 126)) + size.to_bytes(2, "big") + payload


async def main(port: int, dsn: str) -> None:
    loop = asyncio.get_running_loop()
    clients: set[asyncio.Transport] = set()
    connection = psycopg.connect(dsn, autocommit=True)
    connection.execute(f"LISTEN {CHANNEL}")
    link = connection.pgconn

    def readable() -> None:
        link.consume_input()
        while (notification := link.notifies()) is not None:
            message = frame(notification.extra)
            for transport in clients:
                transport.write(message)

    loop.add_reader(link.socket, readable)
    server = await loop.create_server(lambda: Client(clients), "127.0.0.1", port, backlog=2048)
    print("Listening on", port, flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(main(int(sys.argv[1]), sys.argv[2]))
