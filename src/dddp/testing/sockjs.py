"""SockJS without WebSocket, as a client for tests: polling and streaming over HTTP."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from urllib.parse import unquote

from dddp.testing.http import Response, request

TRANSPORTS = {
    "xhr-polling": ("POST", "xhr"),
    "xhr-streaming": ("POST", "xhr_streaming"),
    "eventsource": ("GET", "eventsource"),
}
LOST = (1006, "")
LOST_SESSION = (1006, "Server lost session")


class HTTPSession:
    """One SockJS session.

    Args:
        url: of the session: http://host/sockjs/<server>/<session>.
        transport: a key of TRANSPORTS.
        headers: for each request.

    Attributes:
        closed: (code, reason) once the server has closed it, or it is lost.
        unexpected: what the server has sent that is not SockJS.
    """

    def __init__(self, url: str, transport: str, headers: dict[str, str] | None = None) -> None:
        self.closed: tuple[int, str] | None = None
        self.unexpected: list[str] = []
        self._url = url
        self._method, self._path = TRANSPORTS[transport]
        self._events = transport == "eventsource"
        self._headers = headers or {}
        self._response: Response | None = None
        self._opened = asyncio.Event()
        self._sending = asyncio.Lock()
        self._leaving = False

    async def opened(self) -> None:
        """Wait until the server has opened it, which `messages` has to be read for."""
        await self._opened.wait()

    async def send(self, body: str | bytes) -> None:
        """Send what shall be a JSON list of messages. Raises ConnectionError if it is refused."""
        data = body.encode() if isinstance(body, str) else body
        async with self._sending:
            if self.closed is not None or self._leaving:
                raise ConnectionError(f"The connection is closed: {self.closed}")
            async with await request("POST", f"{self._url}/xhr_send", data, self._headers) as sent:
                # After 413 the session is closed, and the close says why.
                if sent.status not in (204, 413):
                    text = (await sent.read()).decode()
                    raise ConnectionError(f"The server answered {sent.status}: {text}")

    async def messages(self) -> AsyncIterator[str]:
        """The messages that come, until it is closed."""
        try:
            while self.closed is None and not self._leaving:
                async for frame in self._frames():
                    for message in self._take(frame):
                        yield message
        except OSError:
            self.closed = self.closed or LOST
        finally:
            self.closed = self.closed or LOST
            self._opened.set()

    async def leave(self) -> None:
        """Go, as a browser does: SockJS has no word for it."""
        self._leaving = True
        if self._response is not None:
            await self._response.close()

    async def _frames(self) -> AsyncIterator[str]:
        url = f"{self._url}/{self._path}"
        async with await request(self._method, url, headers=self._headers) as self._response:
            if self._response.status != 200:
                raise ConnectionError(f"The server answered {self._response.status}.")
            end = b"\r\n" if self._events else b"\n"
            while text := (await self._response.until(end)).decode():
                frame = text.strip("\r\n")
                if self._events and frame:
                    name, _, frame = frame.partition(": ")
                    frame = unquote(frame) if name == "data" else f"{name}?"
                if frame and frame.strip("h"):
                    yield frame

    def _take(self, frame: str) -> list[str]:
        if frame == "o" and self._opened.is_set():
            self.closed = LOST_SESSION
        elif frame == "o":
            self._opened.set()
        elif frame.startswith("a["):
            messages: list[str] = json.loads(frame[1:])
            return messages
        elif frame.startswith("c["):
            with contextlib.suppress(ValueError):
                code, reason = json.loads(frame[1:])
                self.closed = (code, reason)
        else:
            self.unexpected.append(frame)
        return []
