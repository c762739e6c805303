"""A TCP link that can be cut, frozen and restored."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator
from typing import Self


class TcpProxy:
    """Passes bytes between its own port and a server; an async context manager.

    cut()      ends all connections, and refuses new ones until restore().
    pause()    nothing passes any more, and no end is told: a half-open link.
    restore()  everything works again; what pause() held back is passed on.

    `accepted` counts the connections. With `half_open` the server is not told that a client is
    gone.
    """

    def __init__(self, host: str, port: int) -> None:
        self._target = (host, port)
        self._open = asyncio.Event()
        self._open.set()
        self._refuses = False
        self._server: asyncio.Server | None = None
        self._writers: set[asyncio.StreamWriter] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self.host = "127.0.0.1"
        self.port = 0
        self.accepted = 0
        self.half_open = False

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._accept, self.host, 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *exception: object) -> None:
        assert self._server is not None
        self._server.close()
        self.cut()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def cut(self) -> None:
        self._refuses = True
        self._abort()

    def drop(self) -> None:
        """Ends all connections; new ones are taken."""
        self._abort()

    def pause(self) -> None:
        self._open.clear()

    def restore(self) -> None:
        self._refuses = False
        self._open.set()

    def _abort(self) -> None:
        for writer in self._writers:
            writer.transport.abort()
        self._writers.clear()

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.accepted += 1
        if self._refuses:
            writer.transport.abort()
            return
        server_reader, server_writer = await asyncio.open_connection(*self._target)
        self._writers |= {writer, server_writer}
        to_server = self._to_server(self._chunks(reader))
        to_client = self._to_client(self._chunks(server_reader))
        for chunks, target in ((to_server, server_writer), (to_client, writer)):
            task = asyncio.create_task(self._pass(chunks, target, target is server_writer))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _chunks(self, source: asyncio.StreamReader) -> AsyncIterator[bytes]:
        while chunk := await source.read(65536):
            await self._open.wait()
            yield chunk

    def _to_server(self, chunks: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
        return chunks

    def _to_client(self, chunks: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
        return chunks

    async def _pass(
        self, chunks: AsyncIterator[bytes], target: asyncio.StreamWriter, is_server: bool
    ) -> None:
        try:
            async for chunk in chunks:
                target.write(chunk)
                await target.drain()
        except OSError:
            pass
        finally:
            if not (is_server and self.half_open):
                target.transport.abort()
                self._writers.discard(target)


class RoughProxy(TcpProxy):
    """Passes on a few bytes at a time, and late.

    Args:
        rng: decides how many, and how late.
        most: bytes at a time.
        delay: seconds that a read waits at most.
    """

    def __init__(
        self, host: str, port: int, rng: random.Random, most: int, delay: float = 0.0
    ) -> None:
        super().__init__(host, port)
        self._rng = rng
        self._most = most
        self._delay = delay

    async def _roughly(self, chunks: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
        async for chunk in chunks:
            await asyncio.sleep(self._rng.random() * self._delay)
            while chunk:
                size = self._rng.randint(1, self._most)
                yield chunk[:size]
                chunk = chunk[size:]
                await asyncio.sleep(0)

    _to_server = _to_client = _roughly


class CuttingProxy(TcpProxy):
    """Cuts WebSockets behind a message of the server's; what it sends behind it is lost.

    Attributes:
        messages: of the server's, passed on in the last connection.
        cut_behind: so many of them; None: never. Only the next connection that sends so many.
        cut_within: bytes of the message behind that are still passed on.
    """

    def __init__(self, host: str, port: int) -> None:
        super().__init__(host, port)
        self.messages = 0
        self.cut_behind: int | None = None
        self.cut_within = 0

    async def _to_client(self, chunks: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
        self.messages = 0
        buffer, size_of = b"", _head_size
        async for chunk in chunks:
            buffer += chunk
            while size := size_of(buffer):
                if self.messages == self.cut_behind and size_of is _message_size:
                    yield buffer[: min(self.cut_within, size - 1)]
                    self.cut_behind = None
                    return
                yield buffer[:size]
                buffer = buffer[size:]
                self.messages += size_of is _message_size
                size_of = _message_size
            if self.messages == self.cut_behind and not self.cut_within:
                self.cut_behind = None
                return


def _head_size(data: bytes) -> int:
    """Of the answer to the handshake; 0 if it is not complete."""
    return data.find(b"\r\n\r\n") + 4 if b"\r\n\r\n" in data else 0


def _message_size(data: bytes) -> int:
    """Of the whole WebSocket frame that the bytes begin with; 0 if there is none (RFC 6455)."""
    if len(data) < 2:
        return 0
    size, head = data[1] & 0x7F, 2
    if size > 125:
        head += 2 if size == 126 else 8
        size = int.from_bytes(data[2:head], "big")
    return head + size if len(data) >= head + size else 0
