"""One client connection as its transport holds it: version, heartbeat, and whose session it is."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from dddp.alea import random_id
from dddp.conf import conf
from dddp.protocol.connection import NORMAL_CLOSURE, Connection
from dddp.protocol.events import Close, Connected, Disconnect, Event, Send
from dddp.protocol.parsing import takes_long
from dddp.session.info import ConnectionInfo
from dddp.session.limits import MessageRate
from dddp.session.outbox import Outbox
from dddp.session.session import Session

if TYPE_CHECKING:
    from dddp.session.hub import Hub

CONNECT_SECONDS = 45.0
"""How long a client may take to send `connect` (Meteor 3)."""

TOO_MANY = (1008, "Too many messages")

AT_ONCE = 64
"""Messages that are taken in before others have their turn: a million may come in one frame."""

GOING_SECONDS = 2.0
"""How long a close may take to be sent when the server stops: a client may not be reading."""

LATE_SECONDS = 1.0
"""By which a timer comes too late only if the server was stopped, or too busy to read."""


class Attachment:
    """What a transport talks to. It comes and goes with the connection; its session may stay.

    Attributes:
        outbox: what the transport has to send. It is another one once the client has resumed a
            session, and when the session has gone on without this connection.
        session: None before `connect`.
    """

    def __init__(self, hub: Hub, info: ConnectionInfo) -> None:
        self._hub = hub
        self._info = info
        self._loop = asyncio.get_running_loop()
        self._opened = self._loop.time()
        self._protocol = Connection(self._opened, conf.heartbeat_interval, conf.heartbeat_timeout)
        self._due = 0.0
        self._alarm: int | None = None
        self._ended = False
        self._gone: asyncio.Future[None] = self._loop.create_future()
        self.session: Session | None = None
        self.outbox = self._new_outbox()
        self._in_a_row = 0
        self._undecoded: list[str | bytes] | None = None
        """A message that takes long, and what came behind it."""
        self._decoding: asyncio.Task[None] | None = None
        self._rate = None if conf.message_rate is None else MessageRate(*conf.message_rate)
        self.wake()

    @property
    def address(self) -> str:
        """Of the client, "" if unknown."""
        return self._info.address

    async def receive(self, data: str | bytes) -> None:
        """Take in the text of one DDP message; waits while too much is unhandled."""
        if not self.feed(data):
            await self.room()

    def feed(self, data: str | bytes) -> bool:
        """Take in the text of one DDP message; False if there must be `room` before the next."""
        if self._ended or self._exceeds_rate():
            return True
        self._in_a_row += 1
        if self._decoding is not None or takes_long(data):
            self._decode_soon(data)
            return False
        for event in self._protocol.receive(data, self._loop.time()):
            self._take(event, len(data))
        if self._in_a_row >= AT_ONCE:
            return False
        return not self._is_full

    async def room(self) -> None:
        """Wait while too much is unhandled; others have their turn."""
        if self._in_a_row >= AT_ONCE:
            self._in_a_row = 0
            await asyncio.sleep(0)
        if self._decoding is not None:
            # Another task's: not to be cancelled with this one, which others may await as well.
            await asyncio.shield(self._decoding)
        if self.session is not None:
            await self.session.room(self)

    def lost(self) -> None:
        """The transport is gone; the session is kept for a while, if it has not ended."""
        if not self._gone.done():
            self._gone.set_result(None)
        if not self._ended:
            self.part()
            if self.session is not None:
                self._hub.sessions.keep(self.session)
        self._hub.forget(self)

    def close(self, code: int, reason: str) -> None:
        """End the connection and its session."""
        self.outbox.close(code, reason)
        if self.session is not None:
            self.session.end()

    async def leave(self, patience: float, code: int, reason: str) -> None:
        """The server stops: end the connection and its session when its calls are answered.

        Args:
            patience: seconds that those may take which have begun.
            code, reason: of the close.
        """
        if self.session is not None:
            await self.session.finish(patience)
        self.close(code, reason)
        await asyncio.wait([self._gone], timeout=GOING_SECONDS)

    def part(self) -> None:
        """For the session: it goes on without this connection, which is closed."""
        self.ended()
        self._hub.forget(self)
        own, self.outbox = self.outbox, self._new_outbox()
        self.outbox.close(*NORMAL_CLOSURE)
        own.dismiss()

    def ended(self) -> None:
        """For the session: it has ended, and what is in the outbox is the last.

        The hub goes on counting this, and looks whether the client reads, until it is `lost`.
        """
        self._ended = True
        if self._alarm is not None:
            self._hub.alarms.drop(self, self._alarm)

    @property
    def _is_full(self) -> bool:
        """Too much is unhandled to read more of what the client sends."""
        return self.session is not None and self.session.is_full(self)

    def _decode_soon(self, data: str | bytes) -> None:
        self._undecoded = [*(self._undecoded or ()), data]
        if self._decoding is None:
            self._decoding = self._loop.create_task(self._decode())

    async def _decode(self) -> None:
        """Take in what takes long, and what came meanwhile, in order.

        The protocol is the thread's while it decodes. What comes to this connection's end is lost;
        what fails then, such as to get a thread of a server that has stopped, matters to nobody.
        """
        try:
            while self._undecoded and not self._ended:
                data = self._undecoded.pop(0)
                events = await self._hub.decode(self._protocol.receive, data, self._loop.time())
                for event in events:
                    if not self._ended:
                        self._take(event, len(data))
        except Exception:
            if not self.outbox.closed:
                raise
        finally:
            self._decoding = self._undecoded = None

    def _exceeds_rate(self) -> bool:
        """Count a message; the one that is too many ends the connection and its session."""
        if self._rate is None or self._rate.admits(self._loop.time()):
            return False
        self.close(*TOO_MANY)
        return True

    def _new_outbox(self) -> Outbox:
        return Outbox(conf.outbox_bytes, conf.outbox_seconds, self._loop.time, self._hub.turns.next)

    def _take(self, event: Event, size: int = 0) -> None:
        if isinstance(event, Connected):
            self._connect(event)
        elif isinstance(event, Disconnect):
            self.close(*NORMAL_CLOSURE)
        elif isinstance(event, Close):
            self._hang_up(event)
        elif isinstance(event, Send) and not event.queued:
            self.outbox.push_ahead(event.frame)
        elif self.session is not None:
            self.session.take(event, size)

    def _connect(self, event: Connected) -> None:
        session = self._hub.sessions.claimed(event, self._info)
        if session is None:
            session = Session(self._hub, self, self._info, random_id(), event.version)
            self._hub.sessions.add(session)
            self.session = session
            session.begin()
            return
        before, self.outbox = self.outbox, session.outbox
        self.session = session
        session.resume(self, self._info)
        before.hand_over()

    def _hang_up(self, event: Close) -> None:
        if self.session is None:
            self.outbox.close(event.code, event.reason)
        else:
            self.lost()

    def wake(self) -> None:
        """Come when the protocol's deadline may have come; it moves with every message."""
        now = self._loop.time()
        if self._alarm is not None:
            is_decoding = self._decoding is not None and self.session is not None
            if is_decoding or now - self._due > LATE_SECONDS:
                # It is the server that was away. What the client has sent meanwhile is read first.
                self._wake_up_at(now + conf.heartbeat_timeout)
                return
            for event in self._protocol.tick(now, reads=not self._is_full):
                self._take(event)
        deadline = self._protocol.deadline
        if deadline is None:
            deadline = now + conf.heartbeat_interval
        if self.session is None:
            deadline = min(deadline, self._opened + CONNECT_SECONDS)
            if now >= deadline:
                self.outbox.close(*NORMAL_CLOSURE)
        if self._ended or self.outbox.closed:
            return
        self._wake_up_at(deadline)

    def _wake_up_at(self, when: float) -> None:
        self._due = when
        self._alarm = self._hub.alarms.set(self, when)
