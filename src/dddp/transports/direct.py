"""One open WebSocket without ASGI: a session on one side, asyncio's transport on the other.

While nothing waits there is no task: what comes is fed to the session, and what the session has
to send is written at the end of the event loop's turn, all of it at once.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterator
from functools import partial
from weakref import WeakKeyDictionary

from dddp.conf import conf
from dddp.protocol import rfc6455
from dddp.protocol.frames import Frame
from dddp.protocol.rfc6455 import Closed, Control, Item, Parser
from dddp.session.draining import RESTART
from dddp.transports.framing import (
    CLOSE_SECONDS,
    FAILED,
    Framing,
    Rejected,
    close_of,
    incoming,
    websocket_limit,
)
from dddp.transports.peers import Outbox, Session

logger = logging.getLogger("dddp.transports")

AT_ONCE = 256
"""Connections that are written to before the event loop looks for what else there is."""


class Flusher:
    """Has connections write at the end of the turn in which they got something to send."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._waiting: list[Connection] = []
        self._is_called = False
        self.add = self._add
        """Call the `flush` of a connection soon; one bound method for all of them."""

    def _add(self, connection: Connection) -> None:
        self._waiting.append(connection)
        if not self._is_called:
            self._is_called = True
            self._loop.call_soon(self._flush)

    def _flush(self) -> None:
        now, self._waiting = self._waiting[:AT_ONCE], self._waiting[AT_ONCE:]
        self._is_called = bool(self._waiting)
        if self._is_called:
            self._loop.call_soon(self._flush)
        for connection in now:
            try:
                connection.flush()
            except Exception:
                logger.exception("A connection failed")
                connection.end(*FAILED)


_flushers: WeakKeyDictionary[asyncio.AbstractEventLoop, Flusher] = WeakKeyDictionary()


def flusher() -> Flusher:
    """The running event loop's."""
    loop = asyncio.get_running_loop()
    return _flushers.get(loop) or _flushers.setdefault(loop, Flusher(loop))


class Connection(asyncio.Protocol):
    """From the handshake to the end.

    Args:
        transport: whose protocol this becomes.
        deflate: compression has been negotiated.
        connections: this is among them until the transport is closed (uvicorn's `ServerState`).
    """

    __slots__ = (
        "_blocked",
        "_connections",
        "_flusher",
        "_form",
        "_framing",
        "_is_open",
        "_limit",
        "_outbox",
        "_parser",
        "_pong",
        "_reader",
        "_resumed",
        "_schedule",
        "_session",
        "_timer",
        "_transport",
        "_unread",
        "_writer",
    )

    def __init__(
        self,
        transport: asyncio.Transport,
        session: Session,
        framing: Framing,
        deflate: bool,
        connections: set[asyncio.Protocol],
    ) -> None:
        self._transport = transport
        self._session = session
        self._framing = framing
        self._connections = connections
        self._flusher = flusher()
        self._schedule = partial(self._flusher.add, self)
        self._limit: int = conf.max_message_bytes
        self._parser = Parser(websocket_limit(self._limit), deflate)
        self._form = framing.form(conf.compress_bytes if deflate else None)
        self._outbox: Outbox | None = None
        self._is_open = True
        self._blocked = False
        self._pong: bytes | None = None
        self._resumed: asyncio.Future[None] | None = None
        self._reader: asyncio.Task[None] | None = None
        self._unread: list[bytes] | None = None
        self._writer: asyncio.Task[None] | None = None
        self._timer: asyncio.TimerHandle | None = None
        connections.add(self)
        transport.set_protocol(self)
        if framing.opening is not None:
            transport.write(rfc6455.frame(framing.opening.encode()))
        self.flush()

    # What the session sends

    def flush(self) -> None:
        """Write what there is, and be called again when there is more."""
        if not self._is_open or self._blocked or self._writer is not None:
            return
        outbox = self._session.outbox
        if outbox is not self._outbox:
            self._follow(outbox)
        if outbox.is_long:
            self._writer = asyncio.get_running_loop().create_task(self._write_long())
            return
        frames = outbox.take_now()
        if frames is None:
            self.end(*close_of(outbox))
            return
        if len(frames) == 1:
            self._transport.write(self._form(frames[0]))
        elif frames:
            self._write(frames)
        outbox.on_frames(self._schedule)

    def _followed(self) -> Outbox:
        """The session's outbox; it may have become another one."""
        outbox = self._session.outbox
        if outbox is not self._outbox:
            self._follow(outbox)
        return outbox

    def _follow(self, outbox: Outbox) -> None:
        self._outbox = outbox
        outbox.on_abort(self._aborted)
        if self._blocked:
            outbox.stalled()

    def _write(self, frames: list[Frame]) -> None:
        self._transport.write(b"".join(map(self._form, frames)))

    async def _write_long(self) -> None:
        """Write a long queue by and by, as others get their turns."""
        try:
            while (outbox := self._followed()).is_long:
                frames = await outbox.take()
                if frames:
                    self._write(frames)
                if self._blocked:
                    self._resumed = asyncio.get_running_loop().create_future()
                    await self._resumed
                outbox.flowing()
        except Exception:
            logger.exception("A connection failed")
            self._writer = None
            self.end(*FAILED)
        else:
            self._writer = None
            self.flush()

    def pause_writing(self) -> None:
        """The client does not read as fast as it is written to."""
        self._blocked = True
        if self._is_open:
            self._followed().stalled()

    def resume_writing(self) -> None:
        """It has read most of it."""
        self._blocked = False
        if not self._is_open:
            return
        self._followed().flowing()
        if self._pong is not None:
            pong, self._pong = self._pong, None
            self._transport.write(pong)
        if self._resumed is not None and not self._resumed.done():
            self._resumed.set_result(None)
        self._flusher.add(self)

    def _aborted(self) -> None:
        # Soon: whoever pushes is in the midst of telling others, and this may end sessions.
        asyncio.get_running_loop().call_soon(self._give_up)

    def _give_up(self) -> None:
        self.end(*close_of(self._session.outbox))

    # What the client sends

    def data_received(self, data: bytes) -> None:
        """Any part of what the client sends."""
        if self._reader is None:
            self._take_in(self._messages(self._parser.feed(data)))
        else:
            self._unread = [*(self._unread or ()), data]

    def _messages(self, items: list[Item]) -> Iterator[str | bytes]:
        for item in items:
            if isinstance(item, str | bytes):
                if self._is_open:
                    yield from incoming(self._framing, item, self._limit)
            elif isinstance(item, Control):
                self._answer(item)
            else:
                self._hear_close(item)

    def _take_in(self, messages: Iterator[str | bytes]) -> None:
        try:
            for message in messages:
                if self._is_open and not self._session.feed(message):
                    self._transport.pause_reading()
                    task = self._wait_for_room(messages)
                    self._reader = asyncio.get_running_loop().create_task(task)
                    return
        except Rejected as rejected:
            self.end(*rejected.close)
        except Exception:
            logger.exception("A connection failed")
            self.end(*FAILED)

    async def _wait_for_room(self, messages: Iterator[str | bytes]) -> None:
        try:
            await self._session.room()
        except Exception:
            logger.exception("A connection failed")
            self.end(*FAILED)
            return
        self._reader = None
        self._take_in(messages)
        while self._reader is None and self._unread is not None:
            data, self._unread = b"".join(self._unread), None
            self.data_received(data)
        if self._reader is None and not self._transport.is_closing():
            self._transport.resume_reading()

    def _answer(self, control: Control) -> None:
        if control.opcode != rfc6455.PING or not self._is_open:
            return
        pong = rfc6455.frame(control.payload, rfc6455.PONG)
        if self._blocked:
            # RFC 6455, 5.5.3: only the latest ping need be answered.
            self._pong = pong
        else:
            self._transport.write(pong)

    # The end

    def end(self, code: int, reason: str) -> None:
        """Close from this side; the client has a moment to answer."""
        if not self._is_open:
            return
        closing = self._framing.closing(code, reason)
        before = b"" if closing is None else rfc6455.frame(closing.encode())
        self._transport.write(before + rfc6455.close(code, reason))
        self._let_go()
        self._wait_for_end()

    def shutdown(self) -> None:
        """The server stops."""
        self.end(*RESTART)

    def _hear_close(self, closed: Closed) -> None:
        if not self._is_open:
            self._transport.close()
            return
        self._transport.write(rfc6455.close(closed.code, closed.reason if closed.failed else ""))
        self._let_go()
        self._wait_for_end()
        if not closed.failed:
            self._transport.close()
            return
        # Closed with something unread, TCP would reset, and the client not hear why.
        if self._transport.can_write_eof():
            self._transport.write_eof()
        if closed.code == rfc6455.TOO_BIG:
            self._transport.pause_reading()

    def _let_go(self) -> None:
        """The session has this connection no more."""
        if not self._is_open:
            return
        self._is_open = False
        for task in (self._reader, self._writer):
            if task is not None:
                task.cancel()
        if self._reader is not None and not self._transport.is_closing():
            self._reader = None
            self._transport.resume_reading()
        self._writer = self._unread = None
        self._session.lost()

    def _wait_for_end(self) -> None:
        if self._timer is None:
            loop = asyncio.get_running_loop()
            self._timer = loop.call_later(CLOSE_SECONDS, self._transport.abort)

    def eof_received(self) -> None:
        """The client sends nothing more: the transport is closed when this returns."""
        self._let_go()
        self._wait_for_end()

    def connection_lost(self, error: Exception | None) -> None:
        """The transport is closed."""
        if self._timer is not None:
            self._timer.cancel()
        self._connections.discard(self)
        self._let_go()
        del self._schedule  # which refers to this
