"""All subscriptions of one session, which come, go and run again one change at a time."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any

from dddp.api.publication import Publication
from dddp.api.this import Invocation
from dddp.conf import conf
from dddp.exceptions import MeteorError
from dddp.livequery.query import LiveQuery
from dddp.protocol import messages
from dddp.protocol.events import Sub
from dddp.session.errors import wire_error
from dddp.session.imperative import ImperativeSubscription
from dddp.session.outbox import Outbox
from dddp.session.subscription import Place, QuerySubscription, Subscription
from dddp.session.visibility import View

if TYPE_CHECKING:
    from dddp.session.hub import Hub

PATIENCE = 10.0
RIGHTS_PATIENCE = 1.0
"""Seconds that a rerun waits for publishers to become ready, lest their documents flicker."""


class Subscriptions:
    """What a client has subscribed to, and the universal publications."""

    def __init__(
        self,
        hub: Hub,
        outbox: Outbox,
        invocation: Callable[[], Invocation],
        describe: Callable[[str], str],
        admit: Callable[[str], None],
    ) -> None:
        self._hub = hub
        self._outbox = outbox
        self._describe = describe
        self._admit = admit
        self._view = View(outbox)
        self._place = Place(hub, self._view, outbox, invocation, self._ended, hub.finish)
        self._named: dict[str, Subscription] = {}
        self._universal: list[Subscription] = []
        self._changing = asyncio.Lock()

    def live_queries(self) -> list[LiveQuery]:
        """Those that the client sees."""
        return [query for query in self._view.sources if isinstance(query, LiveQuery)]

    def ids(self) -> list[str]:
        """The client's, of what it has subscribed to."""
        return list(self._named)

    async def begin(self) -> None:
        """Start the universal publications."""
        for publication in self._hub.registry.universal():
            async with self._changing:
                subscription = self._new(None, publication, [])
                if await self._tried(subscription, subscription.open()):
                    self._universal.append(subscription)
            await subscription.passed()

    async def subscribe(self, event: Sub) -> None:
        """Start one; returns when the client's next message may be handled."""
        async with self._changing:
            if event.id in self._named:
                return
            await self._outbox.room()
            try:
                subscription = self._new(event.id, self._find(event.name), event.params)
            except Exception as error:
                wire = wire_error(error, self._describe(f"Subscription {event.name!r}"))
                self._outbox.push(messages.nosub(event.id, wire))
                return
            if not await self._tried(subscription, subscription.open()):
                return
            self._named[event.id] = subscription
        await subscription.passed()

    async def unsubscribe(self, id: str | None) -> None:
        """End one, if there is one."""
        async with self._changing:
            subscription = self._named.pop(id, None) if id is not None else None
            if subscription is not None:
                self._leave(subscription)
                subscription.end()
            self._outbox.push(messages.nosub(id, None))

    async def rerun(self, announce: bool) -> None:
        """Run all again, for whoever the user is now; the client is told the difference only.

        Args:
            announce: another user has logged in: say again of those that are ready that they are.
                Without, the user's rights have changed, which should not wait.
        """
        async with self._changing:
            await self._outbox.room()
            old = [*self._named.values(), *self._universal]
            for subscription in old:
                subscription.halt()
            new = [subscription.again() for subscription in old]
            loaded = await self._load_all(new, PATIENCE if announce else RIGHTS_PATIENCE)
            self._replace(old, [each for each in loaded if not each.is_over], announce)

    def end(self) -> None:
        """The client is gone."""
        for subscription in [*self._named.values(), *self._universal]:
            for source in subscription.sources:
                self._view.forget(source)
            subscription.end()
        self._named.clear()
        self._universal.clear()

    def _find(self, name: str) -> Publication:
        publication = self._hub.registry.publication(name)
        if publication is None:
            raise MeteorError(404, f"Subscription '{name}' not found")
        if len(self._named) >= conf.max_subscriptions:
            raise MeteorError(
                "too-many-subscriptions", f"No more than {conf.max_subscriptions} subscriptions."
            )
        self._admit(name)
        return publication

    def _new(self, id: str | None, publication: Publication, params: Sequence[Any]) -> Subscription:
        kind = ImperativeSubscription if publication.is_imperative else QuerySubscription
        return kind(self._place, id, publication, params)

    async def _tried(self, subscription: Subscription, opening: Awaitable[None]) -> bool:
        """Await it; the client is told of an error."""
        try:
            await opening
        except Exception as error:
            self._refuse(subscription, error)
            return False
        return True

    async def _load_all(self, new: list[Subscription], patience: float) -> list[Subscription]:
        """Those that could be loaded; none is held if this is cancelled."""
        tasks = [asyncio.ensure_future(self._tried(each, each.load(patience))) for each in new]
        try:
            outcomes = await asyncio.gather(*tasks)
        except BaseException:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            for each in new:
                each.end()
            raise
        return [each for each, loaded in zip(new, outcomes, strict=True) if loaded]

    def _replace(
        self, old: Iterable[Subscription], new: list[Subscription], announce: bool
    ) -> None:
        self._named = {each.id: each for each in new if each.id is not None}
        self._universal = [each for each in new if each.id is None]
        self._view.become(source for each in new for source in each.sources)
        for subscription in old:
            subscription.end()
        ready = []
        for subscription in new:
            subscription.shown()
            if subscription.is_ready and (announce or not subscription.is_announced):
                subscription.is_announced = True
                ready += [subscription.id] if subscription.id is not None else []
        if ready:
            self._outbox.push(messages.ready(ready))

    def _ended(self, subscription: Subscription, error: BaseException | None) -> None:
        """A publisher has ended its subscription itself."""
        if subscription.is_shown:
            self._leave(subscription)
            if subscription.id is not None:
                self._named.pop(subscription.id, None)
            elif subscription in self._universal:
                self._universal.remove(subscription)
        subscription.end()
        self._refuse(subscription, error)

    def _leave(self, subscription: Subscription) -> None:
        for source in subscription.sources:
            self._view.leave(source)

    def _refuse(self, subscription: Subscription, error: BaseException | None) -> None:
        what = self._describe(f"Subscription {subscription.publication.name!r}")
        wire = None if error is None else wire_error(error, what)
        if wire is not None or subscription.id is not None:
            self._outbox.push(messages.nosub(subscription.id, wire))
