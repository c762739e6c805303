"""One client's session: its messages in order, its subscriptions, its calls."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

from dddp.api.rate_limit import Request
from dddp.api.this import Invocation
from dddp.conf import conf
from dddp.protocol import messages
from dddp.protocol.connection import NORMAL_CLOSURE, Connection
from dddp.protocol.events import Close, Connected, Disconnect, Method, Send, Sub, Unsub
from dddp.random_stream import RandomStreams
from dddp.session.calling import Calling
from dddp.session.greeting import greet
from dddp.session.handle import ConnectionHandle
from dddp.session.inbox import Inbox
from dddp.session.info import ConnectionInfo
from dddp.session.outbox import Outbox
from dddp.session.rights import Login, Rights
from dddp.session.subscriptions import Subscriptions

if TYPE_CHECKING:
    from dddp.session.hub import Hub

logger = logging.getLogger("dddp.session")

CONNECT_SECONDS = 45.0
"""How long a client may take to send `connect` (Meteor 3)."""

LATE_SECONDS = 1.0
"""By which a timer comes too late only if the server was stopped, or too busy to read."""


class Session:
    """What the server keeps for one connection.

    `sub`, `unsub` and `method` are handled one after the other in order of arrival (DDP 1);
    pings are answered at once. Everything but `receive` is called by this package only.
    """

    def __init__(self, hub: Hub, info: ConnectionInfo, new_id: Callable[[], str]) -> None:
        self._hub = hub
        self._loop = asyncio.get_running_loop()
        self.id = ""
        self.connection = ConnectionHandle(hub, info, self.lost)
        self.outbox = Outbox(
            conf.outbox_bytes, conf.outbox_seconds, self._loop.time, hub.turns.next
        )
        self.outbox.on_abort(lambda: self._loop.call_soon(self.lost))
        self._rights = Rights(hub, self._rights_changed, self._end_if_gone)
        self._subscriptions = Subscriptions(
            hub,
            self.outbox,
            self._invocation,
            self._describe,
            lambda name: self._admit("subscription", name),
        )
        self._calling = Calling(
            hub,
            self.outbox,
            self._invocation,
            self._describe,
            admit=lambda name: self._admit("method", name),
            log_in=self.log_in,
            caught_up=self._caught_up,
            served=self._end_if_gone,
        )
        self._protocol = Connection(
            new_id, self._loop.time(), conf.heartbeat_interval, conf.heartbeat_timeout
        )
        self._inbox = Inbox(conf.max_inbound_messages, conf.max_message_bytes)
        self._following_rights: asyncio.Task[None] | None = None
        self._rights_are_stale = False
        self._room = asyncio.Event()
        self._worker: asyncio.Task[None] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._is_lost = False
        self._opened = self._loop.time()
        self._watch_heartbeat()

    @property
    def user_id(self) -> str | None:
        """The primary key of the logged-in user, if there is one who is active."""
        return self._rights.user_id

    async def receive(self, data: str | bytes) -> None:
        """Take in the text of one DDP message; waits while too much is unhandled."""
        if not self.feed(data):
            await self.room()

    def feed(self, data: str | bytes) -> bool:
        """Take in the text of one DDP message; False if there must be `room` before the next."""
        if self._is_lost:
            return True
        for event in self._protocol.receive(data, self._loop.time()):
            self._take(event, len(data))
        return not self._inbox.full

    async def room(self) -> None:
        """Wait while too much is unhandled."""
        while self._inbox.full and not self._is_lost:
            self._room.clear()
            await self._room.wait()

    def lost(self) -> None:
        """The transport is gone or will be closed: end everything this session has."""
        if self._is_lost:
            return
        self._is_lost = True
        self.outbox.close(*NORMAL_CLOSURE)
        self._room.set()
        if self._timer is not None:
            self._timer.cancel()
        if self._worker is not None:
            self._worker.cancel()
        if self._following_rights is not None:
            self._following_rights.cancel()
        self._calling.end()
        self._subscriptions.end()
        self._rights.end()
        self._hub.forget(self)
        self.connection.ended()

    def _take(self, event: Any, size: int = 0) -> None:
        if isinstance(event, Connected):
            self.id = self.connection.id = event.session_id
            self.outbox.push(messages.connected(event.session_id))
            self._queue(event)
        elif isinstance(event, Close):
            self.outbox.close(event.code, event.reason)
        elif isinstance(event, Disconnect):
            self.outbox.close(*NORMAL_CLOSURE)
        elif isinstance(event, Send) and not event.queued:
            self.outbox.push_ahead(event.frame)
        else:
            self._queue(event, size)

    def _queue(self, event: Any, size: int = 0) -> None:
        self._inbox.add(event, size)
        if self._worker is None:
            self._worker = self._loop.create_task(self._work())

    async def _work(self) -> None:
        try:
            while self._inbox:
                event = self._inbox.next()
                try:
                    await HANDLERS[type(event)](self, event)
                except Exception:
                    logger.exception("Handling a message of session %s failed", self.id)
                if not self._inbox.full:
                    self._room.set()
        finally:
            self._worker = None

    def _watch_heartbeat(self) -> None:
        """Wake up when the protocol's deadline may have come; it moves with every message."""
        now = self._loop.time()
        if self._timer is not None:
            if now - self._timer.when() > LATE_SECONDS:
                # It is the server that was away. What the client has sent meanwhile is read first.
                self._wake_up_at(now + conf.heartbeat_timeout)
                return
            for event in self._protocol.tick(now):
                self._take(event)
        deadline = self._protocol.deadline
        if not self.id and now > self._opened + CONNECT_SECONDS:
            self.outbox.close(*NORMAL_CLOSURE)
        if self._is_lost or self.outbox.closed:
            return
        self._wake_up_at(now + conf.heartbeat_interval if deadline is None else deadline)

    def _wake_up_at(self, when: float) -> None:
        self._timer = self._loop.call_at(when, self._watch_heartbeat)

    async def _send(self, event: Send) -> None:
        self.outbox.push(event.frame)

    async def _begin(self, event: Connected) -> None:
        for hook in self._hub.registry.connection_hooks():
            try:
                await self._greet(hook)
            except Exception:
                logger.exception("%s failed", self._describe(f"on_connection {hook!r}"))
        await self._subscriptions.begin()

    async def _greet(self, hook: Callable[[], Any]) -> None:
        invocation = self._invocation()
        invocation.no_login = None
        login = await self._hub.user_threads.run(greet, hook, invocation, self._hub.watched)
        if invocation.user_was_set:
            await self._rights.follow(login)
            self._end_if_gone()

    async def _subscribe(self, event: Sub) -> None:
        await self._subscriptions.subscribe(event)

    async def _unsubscribe(self, event: Unsub) -> None:
        await self._subscriptions.unsubscribe(event.id)

    async def log_in(self, login: Login | None) -> None:
        """Make the session another user's: all subscriptions run again (Meteor 3, setUserId)."""
        await self._rights.follow(login)
        await self._subscriptions.rerun(announce=True)

    def _end_if_gone(self) -> None:
        """Close once what the login depends on is gone, unless a method is about to replace it."""
        if self._rights.is_gone and not self._calling.replaces_login:
            self.lost()

    def _rights_changed(self) -> None:
        self._rights_are_stale = True
        if self._following_rights is None:
            self._following_rights = self._loop.create_task(self._follow_rights())

    async def _follow_rights(self) -> None:
        try:
            while self._rights_are_stale:
                self._rights_are_stale = False
                await self._subscriptions.rerun(announce=False)
        finally:
            self._following_rights = None

    async def _call(self, event: Method) -> None:
        await self._calling.call(event)

    def _admit(self, type: str, name: str) -> None:
        """Raises MeteorError if there are too many requests, or what a rule's function raises."""
        request = Request(self.user_id, self.connection.client_address, self.id, name, type)
        self._hub.rate_limiter.require(request)

    async def _caught_up(self) -> None:
        if self._following_rights is not None:
            await asyncio.wait([self._following_rights])
        await self._hub.engine.settled(self._subscriptions.live_queries())

    def _invocation(self, random_seed: str | None = None) -> Invocation:
        return Invocation(
            user_id=self.user_id,
            connection=self.connection,
            random_streams=RandomStreams(random_seed),
        )

    def _describe(self, what: str) -> str:
        """For the log: what somebody has called or subscribed to, and who."""
        user = "an anonymous user" if self.user_id is None else f"user {self.user_id}"
        address = self.connection.client_address or "an unknown address"
        return f"{what} of {user} at {address} (session {self.id})"


HANDLERS: dict[type, Callable[[Session, Any], Awaitable[None]]] = {
    Connected: Session._begin,
    Send: Session._send,
    Sub: Session._subscribe,
    Unsub: Session._unsubscribe,
    Method: Session._call,
}
