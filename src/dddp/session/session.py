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
from dddp.protocol.connection import NORMAL_CLOSURE
from dddp.protocol.events import Event, Method, Send, Sub, Unsub
from dddp.protocol.frames import Answer
from dddp.random_stream import RandomStreams
from dddp.session.calling import Calling
from dddp.session.gate import Gate
from dddp.session.greeting import greet
from dddp.session.handle import ConnectionHandle
from dddp.session.inbox import Inbox
from dddp.session.info import ConnectionInfo
from dddp.session.rights import Login, Rights
from dddp.session.subscriptions import Subscriptions

if TYPE_CHECKING:
    from dddp.session.attachment import Attachment
    from dddp.session.hub import Hub

logger = logging.getLogger("dddp.session")

Key = tuple[str, str | None]
KINDS = {Sub: "sub", Unsub: "unsub", Method: "method"}


class _Begin:
    """Comes before all that a new client sends."""


_BEGIN = _Begin()


class Session:
    """What the server keeps for one client; its connection may be lost and replaced.

    `sub`, `unsub` and `method` are handled one after the other in order of arrival (DDP 1).
    Everything here is called by this package only.

    Attributes:
        id: who knows it can take the session over, so it is shown to its client only.
        version: of DDP.
        connection: what applications see of it.
    """

    def __init__(
        self, hub: Hub, attachment: Attachment, info: ConnectionInfo, id: str, version: str
    ) -> None:
        self._hub = hub
        self._loop = asyncio.get_running_loop()
        self._attachment: Attachment | None = attachment
        self.id = id
        self.version = version
        self.connection = ConnectionHandle(hub, info, self.end)
        self.outbox = attachment.outbox
        self._watch_outbox()
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
        self._inbox = Inbox(conf.max_inbound_messages, conf.max_message_bytes)
        self._handling: Event | None = None
        self._repeated: set[Key] = set()
        self._following_rights: asyncio.Task[None] | None = None
        self._rights_are_stale = False
        self._room = Gate()
        self._worker: asyncio.Task[None] | None = None
        self._has_ended = False
        self._is_finishing = False

    @property
    def user_id(self) -> str | None:
        """The primary key of the logged-in user, if there is one who is active."""
        return self._rights.user_id

    def begin(self) -> None:
        """The client has connected; all else is handled behind what is done about that."""
        self.outbox.push(messages.connected(self.id))
        self._queue(_BEGIN)

    def take(self, event: Event, size: int) -> None:
        """Handle what the client has sent in `size` bytes, when it is its turn."""
        if self._has_ended or (self._repeated and self._is_repeated(event)):
            return
        self._queue(event, size)

    def is_full(self, attachment: Attachment) -> bool:
        """Too much is unhandled to read more of what this connection sends."""
        return self._inbox.full and self._attachment is attachment

    async def room(self, attachment: Attachment) -> None:
        """Wait while it is full."""
        while self.is_full(attachment):
            await self._room.wait()

    def is_open_to(self, info: ConnectionInfo) -> bool:
        """May a connection of a client that knows the id have this session?"""
        return self.connection.may_move_to(info)

    def detach(self, frames: int) -> None:
        """The connection is lost: go on without, until there are so many frames more to send."""
        self._attachment = None
        self._room.open()
        self.outbox.hold(frames)
        self._watch_outbox()

    def resume(self, attachment: Attachment, info: ConnectionInfo) -> None:
        """Go on with another connection, whose client has received all that was sent."""
        if self._attachment is not None:
            self._attachment.part()
            self.detach(0)
        self._repeated = self._asked_for()
        self._attachment = attachment
        self.connection.move_to(info)
        self.outbox.release(messages.connected(self.id))

    def give_up(self) -> None:
        """End it, but keep its live queries: its client is expected to subscribe to them anew."""
        queries = [*self._subscriptions.live_queries(), *self._rights.live_queries()]
        self._hub.lingering.hold(queries, conf.resume_grace_seconds)
        self.end()

    async def finish(self, patience: float) -> None:
        """Begin nothing any more; returns when what runs of calls is answered.

        Args:
            patience: seconds that they may take.
        """
        self._is_finishing = True
        await self._calling.answered(patience)

    def end(self) -> None:
        """End everything that the client has here; what waits is still sent to it."""
        if self._has_ended:
            return
        self._has_ended = True
        self.outbox.close(*NORMAL_CLOSURE)
        if self._attachment is not None:
            self._attachment.ended()
            self._attachment = None
        self._room.open()
        if self._worker is not None:
            self._worker.cancel()
        if self._following_rights is not None:
            self._following_rights.cancel()
        self._calling.end()
        self._subscriptions.end()
        self._rights.end()
        self._hub.sessions.forget(self)
        self._hub.rate_limiter.forget(self.connection.id)
        self.connection.ended()

    def _watch_outbox(self) -> None:
        self.outbox.on_abort(lambda: self._loop.call_soon(self._end_if_closed))

    def _end_if_closed(self) -> None:
        if self.outbox.closed and not self._has_ended:
            self.give_up()

    def _asked_for(self) -> set[Key]:
        """What a client that cannot know better asks for once more when it has reconnected.

        Its subscriptions, and whatever has not been answered, as far as it has arrived here.
        """
        known: set[Key] = {("sub", id) for id in self._subscriptions.ids()}
        known.update(("method", id) for id in self._calling.ids())
        asked = [self._handling, *self._inbox]
        known.update(_key(event) for event in asked if type(event) in KINDS)
        for frame in self.outbox.waiting():
            if isinstance(frame, Answer):
                kind, id = frame.to
                known.update([(kind, id), ("unsub", id)] if kind == "sub" else [(kind, id)])
        return known

    def _is_repeated(self, event: Event) -> bool:
        """It has been asked for before the connection was lost, and this is the first repetition.

        A client that does not repeat its subscriptions may end one and use its id again.
        """
        kind, id = key = _key(event)
        is_repeated = key in self._repeated
        self._repeated.discard(key)
        if kind != "method":
            self._repeated -= {("sub", id), ("unsub", id)}
        return is_repeated

    def _queue(self, event: Any, size: int = 0) -> None:
        self._inbox.add(event, size)
        if self._worker is None:
            self._worker = self._loop.create_task(self._work())

    async def _work(self) -> None:
        try:
            while self._inbox and not self._is_finishing:
                event = self._handling = self._inbox.next()
                try:
                    await HANDLERS[type(event)](self, event)
                except Exception:
                    logger.exception("%s failed", self._describe("Handling a message"))
                self._handling = None
                if not self._inbox.full:
                    self._room.open()
        finally:
            self._worker = None

    async def _send(self, event: Send) -> None:
        self.outbox.push(event.frame)

    async def _begin(self, event: _Begin) -> None:
        for hook in self._hub.registry.connection_hooks():
            try:
                await self._greet(hook)
            except Exception:
                logger.exception("%s failed", self._describe(f"on_connection {hook!r}"))
        self.connection.is_greeted = True
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
            self.end()

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
        request = Request(self.user_id, self.connection.address, self.connection.id, name, type)
        self._hub.rate_limiter.require(request)

    async def _caught_up(self) -> None:
        if self._following_rights is not None:
            await asyncio.wait([self._following_rights])
        await self._hub.engine.settled(self._subscriptions.live_queries())

    def _invocation(self, random_seed: str | None = None) -> Invocation:
        return Invocation(
            user_id=self.user_id,
            known_ddp_id=self._rights.user_ddp_id,
            connection=self.connection,
            random_streams=RandomStreams(random_seed),
        )

    def _describe(self, what: str) -> str:
        """For the log: what somebody has called or subscribed to, and who."""
        user = "an anonymous user" if self.user_id is None else f"user {self.user_id}"
        address = self.connection.address or "an unknown address"
        return f"{what} of {user} at {address} (connection {self.connection.id})"


HANDLERS: dict[type, Callable[[Session, Any], Awaitable[None]]] = {
    _Begin: Session._begin,
    Send: Session._send,
    Sub: Session._subscribe,
    Unsub: Session._unsubscribe,
    Method: Session._call,
}


def _key(event: Any) -> Key:
    """What a message asks for."""
    kind = KINDS.get(type(event))
    return ("", None) if kind is None else (kind, event.id)
