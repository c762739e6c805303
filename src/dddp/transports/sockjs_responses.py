"""Responses that carry messages to a client: one batch each (polling), or many (streaming)."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from dddp.conf import conf
from dddp.protocol import sockjs
from dddp.transports.asgi_types import Headers, Receive, Send
from dddp.transports.framing import CLOSE_SECONDS, FAILED, close_of
from dddp.transports.replies import EVENTS, HTML, NO_CACHE, SCRIPT
from dddp.transports.sockjs_sessions import INTERRUPTED, HttpSession

logger = logging.getLogger("dddp.transports")

ANOTHER = (2010, "Another connection still open")


@dataclass(frozen=True, slots=True)
class Form:
    """How one transport wraps frames.

    Attributes:
        transport: its name in `ConnectionInfo`.
        streams: a response carries frames until it is long enough; else one.
    """

    transport: str
    kind: bytes
    wrap: Callable[[str], str]
    streams: bool = True
    prelude: str = ""


XHR = Form("xhr-polling", SCRIPT, sockjs.line, streams=False)
XHR_STREAMING = Form("xhr-streaming", SCRIPT, sockjs.line, prelude=sockjs.XHR_PRELUDE)
EVENTSOURCE = Form("eventsource", EVENTS, sockjs.event, prelude=sockjs.EVENTSOURCE_PRELUDE)


def htmlfile(callback: str) -> Form:
    """A page of scripts that call a function of the page around it."""
    return Form("htmlfile", HTML, sockjs.script, prelude=sockjs.htmlfile_prelude(callback))


def jsonp(callback: str) -> Form:
    """A script that calls a function of the page that loads it."""
    return Form("jsonp-polling", SCRIPT, partial(sockjs.jsonp, callback), streams=False)


class Interrupted(ConnectionError):
    """The client has gone while a response was written to it."""


class Writer:
    """Writes one response, frame by frame."""

    def __init__(self, form: Form, send: Send, headers: Headers) -> None:
        self._form = form
        self._send = send
        self._headers = headers
        self._begun = False
        self._size = 0

    @property
    def streams(self) -> bool:
        """It may be begun before there is something to write."""
        return self._form.streams

    @property
    def full(self) -> bool:
        """No more frames belong into it."""
        limit = conf.sockjs_response_bytes if self._form.streams else 1
        return bool(self._size >= limit)

    async def begin(self) -> None:
        """Send headers and prelude."""
        if self._begun:
            return
        self._begun = True
        headers = [
            *self._headers,
            NO_CACHE,
            (b"content-type", self._form.kind),
            (b"x-content-type-options", b"nosniff"),
            (b"x-accel-buffering", b"no"),
        ]
        await self._send({"type": "http.response.start", "status": 200, "headers": headers})
        if self._form.prelude:
            await self._body(self._form.prelude)

    async def frame(self, frame: str) -> None:
        """Send one frame."""
        await self.begin()
        text = self._form.wrap(frame)
        self._size += len(text)
        await self._body(text)

    async def finish(self) -> None:
        """Nothing more comes."""
        await self._send({"type": "http.response.body", "body": b"", "more_body": False})

    async def _body(self, text: str) -> None:
        await self._send({"type": "http.response.body", "body": text.encode(), "more_body": True})


async def tell(form: Form, send: Send, headers: Headers, frame: str) -> None:
    """A response with one frame, about a session that this response is not part of."""
    writer = Writer(form, send, headers)
    await writer.frame(frame)
    await writer.finish()


class Response:
    """Carries what a session has for its client, until it is full or either side ends it."""

    def __init__(
        self, session: HttpSession, form: Form, receive: Receive, send: Send, headers: Headers
    ) -> None:
        self._session = session
        self._receive = receive
        self._out = Writer(form, send, headers)
        self._close: tuple[int, str] | None = None
        self._is_told = False
        self._writer: asyncio.Task[None] | None = None
        self._reader: asyncio.Task[None] | None = None

    def stop(self, close: tuple[int, str]) -> None:
        """End it with a close; what is being written may be stuck."""
        self._close = self._close or close
        if self._writer is not None:
            self._writer.cancel()

    async def run(self) -> None:
        """Until the response is complete; the session must have it attached."""
        self._reader = asyncio.create_task(_until_gone(self._receive))
        self._writer = asyncio.create_task(self._write())
        try:
            await asyncio.wait([self._writer, self._reader], return_when=asyncio.FIRST_COMPLETED)
            if self._is_told:
                # Some servers say that the client has gone while the end is being sent.
                await asyncio.wait([self._writer], timeout=CLOSE_SECONDS)
        finally:
            self._writer.cancel()
            self._reader.cancel()
            await asyncio.wait([self._writer, self._reader])
            await self._settle(self._writer)

    async def _settle(self, writer: asyncio.Task[None]) -> None:
        """Tell the session how it ended, unless it ended well."""
        error = None if writer.cancelled() else writer.exception()
        if self._is_told:
            return
        if self._close is not None:
            await self._write_close(*self._close)
        elif error is not None and not isinstance(error, OSError):
            # ASGI, "HTTP: Disconnected Client": of a client that has gone, OSError may tell.
            logger.error("A response failed", exc_info=error)
            self._close = FAILED
        self._session.end(*(self._close or INTERRUPTED))

    async def _write(self) -> None:
        if self._out.streams:
            await self._out.begin()
        if not self._session.opened:
            await self._out.frame(sockjs.OPEN)
            self._session.opened = True
        close = None
        while close is None and not self._out.full:
            close = await self._write_next()
        # Let a disconnect be read that has come: servers drop what is sent after it, in silence.
        await asyncio.sleep(0)
        if self._reader is not None and self._reader.done():
            raise Interrupted
        # Before the end is sent, as the next request may be there right after it.
        self._is_told = True
        if close is None:
            self._session.detach()
        else:
            self._session.end(*close)
        await self._out.finish()

    async def _write_next(self) -> tuple[int, str] | None:
        outbox = self._session.outbox
        try:
            async with asyncio.timeout(conf.sockjs_heartbeat_delay):
                frames = await outbox.take()
        except TimeoutError:
            await self._out.frame(sockjs.HEARTBEAT)
            return None
        if frames is None:
            close = close_of(outbox)
            await self._out.frame(sockjs.close_frame(*close))
            return close
        if frames:
            await self._out.frame(sockjs.join([frame.sockjs for frame in frames]))
        return None

    async def _write_close(self, code: int, reason: str) -> None:
        try:
            async with asyncio.timeout(CLOSE_SECONDS):
                if not self._out.full:
                    await self._out.frame(sockjs.close_frame(code, reason))
                await self._out.finish()
        except (TimeoutError, OSError, RuntimeError) as error:
            logger.debug("A close with code %d could not be sent: %r", code, error)


async def _until_gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
