"""One client's session: its messages in order, its subscriptions, its calls."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

from dddp.api.publication import Publication
from dddp.api.this import Invocation
from dddp.conf import conf
from dddp.exceptions import MeteorError
from dddp.livequery.query import LiveQuery
from dddp.protocol import messages
from dddp.protocol.connection import NORMAL_CLOSURE, Connection
from dddp.protocol.events import Close, Connected, Disconnect, Method, Send, Sub, Unsub
from dddp.protocol.frames import Frame
from dddp.random_stream import RandomStreams
from dddp.session.calls import Call, wire_error
from dddp.session.fences import Waiting
from dddp.session.inbox import Inbox
from dddp.session.info import ConnectionInfo
from dddp.session.outbox import Outbox
from dddp.session.publishing import plans_for
from dddp.session.visibility import View

if TYPE_CHECKING:
    from dddp.session.hub import Hub

logger = logging.getLogger("dddp.session")

CONNECT_SECONDS = 45.0
"""How long a client may take to send `connect` (Meteor 3)."""

FENCE_SECONDS = 1.0
"""How long a result is held back for the data it caused; DDP 1 allows `updated` to follow it."""


class Session:
    """What the server keeps for one connection.

    `sub`, `unsub` and `method` are handled one after the other in order of arrival (DDP 1);
    pings are answered at once. Everything but `receive` is called by this package only.
    """

    def __init__(self, hub: Hub, info: ConnectionInfo, new_id: Callable[[], str]) -> None:
        self._hub = hub
        self._loop = asyncio.get_running_loop()
        self.info = info
        self.id = ""
        self.user_id: str | None = None
        self.outbox = Outbox(conf.outbox_bytes, conf.outbox_seconds, self._loop.time)
        self.outbox.on_abort(lambda: self._loop.call_soon(self.lost))
        self._view = View(self.outbox)
        self._protocol = Connection(
            new_id, self._loop.time(), conf.heartbeat_interval, conf.heartbeat_timeout
        )
        self._subscriptions: dict[str, list[LiveQuery]] = {}
        self._inbox = Inbox(conf.max_inbound_messages, conf.max_message_bytes)
        self._following: set[asyncio.Future[None]] = set()
        self._room = asyncio.Event()
        self._worker: asyncio.Task[None] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._is_lost = False
        self._opened = self._loop.time()
        self._watch_heartbeat()

    async def receive(self, data: str | bytes) -> None:
        """Take in the text of one DDP message; waits while too much is unhandled."""
        for event in self._protocol.receive(data, self._loop.time()):
            self._take(event, len(data))
        while self._inbox.full and not self._is_lost:
            self._room.clear()
            await self._room.wait()

    def lost(self) -> None:
        """The transport is gone: end everything this session has."""
        if self._is_lost:
            return
        self._is_lost = True
        self.outbox.close(*NORMAL_CLOSURE)
        self._room.set()
        if self._timer is not None:
            self._timer.cancel()
        if self._worker is not None:
            self._worker.cancel()
        for following in self._following:
            following.cancel()
        for queries in self._subscriptions.values():
            for query in queries:
                self._view.forget(query)
                self._hub.engine.release(query)
        self._subscriptions.clear()
        self._hub.forget(self)

    def _take(self, event: Any, size: int = 0) -> None:
        if isinstance(event, Connected):
            self.id = event.session_id
            self.outbox.push(messages.connected(event.session_id))
        elif isinstance(event, Close):
            self.outbox.close(event.code, event.reason)
        elif isinstance(event, Disconnect):
            self.outbox.close(*NORMAL_CLOSURE)
        elif isinstance(event, Send) and not event.queued:
            self.outbox.push(event.frame)
        else:
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
        if self._timer is not None:
            for event in self._protocol.tick(self._loop.time()):
                self._take(event)
        deadline = self._protocol.deadline
        if not self.id and self._loop.time() > self._opened + CONNECT_SECONDS:
            self.outbox.close(*NORMAL_CLOSURE)
        if self._is_lost or self.outbox.closed:
            return
        due = self._loop.time() + conf.heartbeat_interval if deadline is None else deadline
        self._timer = self._loop.call_at(due, self._watch_heartbeat)

    async def _send(self, event: Send) -> None:
        self.outbox.push(event.frame)

    async def _subscribe(self, event: Sub) -> None:
        if event.id in self._subscriptions:
            return
        await self.outbox.room()
        try:
            queries = await self._open(event)
        except Exception as error:
            what = f"Subscription {event.name!r} of session {self.id}"
            self.outbox.push(messages.nosub(event.id, wire_error(error, what)))
            return
        for query in queries:
            self._view.join(query)
        self._subscriptions[event.id] = queries
        self.outbox.push(messages.ready([event.id]))

    async def _open(self, event: Sub) -> list[LiveQuery]:
        """The loaded live queries of a subscription; all of them or none are held."""
        publication = self._hub.registry.publication(event.name)
        if publication is None:
            raise MeteorError(404, f"Subscription '{event.name}' not found")
        if len(self._subscriptions) >= conf.max_subscriptions:
            raise MeteorError(
                "too-many-subscriptions", f"No more than {conf.max_subscriptions} subscriptions."
            )
        return await self._hub.retrying(self._plan_and_acquire, publication, event.params)

    async def _plan_and_acquire(
        self, publication: Publication, params: list[Any]
    ) -> list[LiveQuery]:
        plans = await self._hub.user_threads.run(
            plans_for,
            self._hub.registry,
            publication,
            params,
            self._invocation(None),
            self._hub.watched,
        )
        return await self._hub.acquire_all(plans)

    async def _unsubscribe(self, event: Unsub) -> None:
        queries = self._subscriptions.pop(event.id, []) if event.id is not None else []
        for query in queries:
            self._view.leave(query)
            self._hub.engine.release(query)
        self.outbox.push(messages.nosub(event.id, None))

    async def _call(self, event: Method) -> None:
        function = self._hub.registry.method(event.method)
        if function is None:
            error = MeteorError(404, f"Method '{event.method}' not found").as_wire()
            self.outbox.push(messages.result(event.id, error=error))
            self.outbox.push(messages.updated([event.id]))
            return
        fence = self._hub.fences.new()
        call = Call(
            event.id,
            function,
            event.params,
            self._invocation(event.random_seed),
            f"Method {event.method!r} of session {self.id}",
            (self._hub.fence_channel, fence.token),
        )
        try:
            frame = await self._hub.user_threads.run(call.run)
        except BaseException:
            self._hub.fences.drop(fence)
            raise
        if call.fenced:
            await self._answer_behind(fence, event.id, frame)
        else:
            self._hub.fences.drop(fence)
            self.outbox.push_all([messages.updated([event.id]), frame])

    async def _answer_behind(self, fence: Waiting, method_id: str, result: Frame) -> None:
        """Send `updated` behind all data of the call, and the result, which does not wait long."""
        written = asyncio.ensure_future(self._written(fence))
        self._following.add(written)
        written.add_done_callback(self._following.discard)
        done, _ = await asyncio.wait([written], timeout=FENCE_SECONDS)
        if done:
            self.outbox.push_all([messages.updated([method_id]), result])
            return
        self.outbox.push(result)
        written.add_done_callback(lambda _: self.outbox.push(messages.updated([method_id])))

    async def _written(self, fence: Waiting) -> None:
        await self._hub.passed(fence)
        await self._hub.engine.settled(self._live_queries())

    def _live_queries(self) -> list[LiveQuery]:
        return [query for query in self._view.sources if isinstance(query, LiveQuery)]

    def _invocation(self, random_seed: str | None) -> Invocation:
        return Invocation(
            user_id=self.user_id,
            connection=self.info,
            random_streams=RandomStreams(random_seed),
        )


HANDLERS: dict[type, Callable[[Session, Any], Awaitable[None]]] = {
    Send: Session._send,
    Sub: Session._subscribe,
    Unsub: Session._unsubscribe,
    Method: Session._call,
}
