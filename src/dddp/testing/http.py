"""A small HTTP client for tests: a connection for each request, answers read as they come."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from collections.abc import Mapping
from typing import Self
from urllib.parse import urlsplit

import h11

READ = 64 * 1024


class Response:
    """An answer whose headers have come; an async context manager that closes its connection.

    Attributes:
        headers: by lower-case name.
    """

    def __init__(
        self,
        connection: h11.Connection,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        head: h11.Response,
    ) -> None:
        self.status = head.status_code
        self.headers = {name.decode(): value.decode("latin-1") for name, value in head.headers}
        self._connection = connection
        self._reader = reader
        self._writer = writer
        self._unread = b""

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self) -> None:
        """Close the connection, also in the middle of the answer."""
        self._writer.close()
        with contextlib.suppress(OSError):
            await self._writer.wait_closed()

    async def until(self, end: bytes) -> bytes:
        """What comes up to and with `end`; b"" once the answer is complete.

        Raises:
            ConnectionError: the answer was cut.
        """
        while end not in self._unread:
            more = await self._more()
            if not more:
                rest, self._unread = self._unread, b""
                return rest
            self._unread += more
        found, _, self._unread = self._unread.partition(end)
        return found + end

    async def read(self) -> bytes:
        """The rest of the answer."""
        while more := await self._more():
            self._unread += more
        rest, self._unread = self._unread, b""
        return rest

    async def _more(self) -> bytes:
        event = await _next(self._connection, self._reader)
        return bytes(event.data) if isinstance(event, h11.Data) else b""


async def request(
    method: str, url: str, body: bytes = b"", headers: Mapping[str, str] | None = None
) -> Response:
    """Send a request; returns when the headers of the answer have come.

    Raises:
        ConnectionError: there is no answer.
    """
    parts = urlsplit(url)
    secure = parts.scheme == "https"
    reader, writer = await asyncio.open_connection(
        parts.hostname,
        parts.port or (443 if secure else 80),
        ssl=ssl.create_default_context() if secure else None,
    )
    connection = h11.Connection(h11.CLIENT)
    target = f"{parts.path or '/'}?{parts.query}" if parts.query else parts.path or "/"
    all_headers = {"host": parts.netloc, "content-length": str(len(body)), **(headers or {})}
    head = h11.Request(method=method, target=target, headers=list(all_headers.items()))
    parts_sent = [head, *([h11.Data(data=body)] if body else []), h11.EndOfMessage()]
    try:
        writer.write(b"".join([connection.send(part) or b"" for part in parts_sent]))
        while not isinstance(event := await _next(connection, reader), h11.Response):
            pass
    except BaseException:
        writer.close()
        raise
    return Response(connection, reader, writer, event)


async def _next(
    connection: h11.Connection, reader: asyncio.StreamReader
) -> h11.Response | h11.Data | h11.EndOfMessage | h11.InformationalResponse:
    while True:
        try:
            event = connection.next_event()
            if event is h11.NEED_DATA:
                connection.receive_data(await reader.read(READ))
                continue
        except h11.RemoteProtocolError as error:
            raise ConnectionError(f"The answer is broken: {error}") from error
        if isinstance(event, h11.Response | h11.Data | h11.EndOfMessage):
            return event
        if not isinstance(event, h11.InformationalResponse):
            raise ConnectionError("The connection was closed before the end of the answer.")
