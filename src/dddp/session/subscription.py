"""One subscription of one client, of either kind, and what it needs of its surroundings."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from dddp.api.publication import Publication
from dddp.api.this import Invocation
from dddp.livequery.plan import QueryPlan
from dddp.livequery.query import LiveQuery
from dddp.protocol import messages
from dddp.session.publishing import plans_for
from dddp.session.visibility import Source, View

if TYPE_CHECKING:
    from dddp.session.hub import Hub
    from dddp.session.outbox import Outbox


@dataclass(frozen=True, slots=True)
class Place:
    """What the subscriptions of one session share.

    Attributes:
        invocation: makes what `this` is in a publication.
        ended: told of a subscription that its own publisher has ended, and with which error.
        finish: has a coroutine run, whatever becomes of the session.
    """

    hub: Hub
    view: View
    outbox: Outbox
    invocation: Callable[[], Invocation]
    ended: Callable[[Subscription, BaseException | None], None]
    finish: Callable[[Awaitable[None]], None]


class Subscription:
    """A publication for one client. `open` it, or `load` it now and have it `shown` later.

    Attributes:
        id: the client's; None for a universal publication's.
        sources: what the view shows of it.
        is_ready: its first documents are there.
        is_announced: the client has been told so.
        is_over: it has ended.
    """

    __slots__ = (
        "id",
        "is_announced",
        "is_over",
        "is_ready",
        "is_shown",
        "params",
        "place",
        "publication",
    )

    def __init__(
        self, place: Place, id: str | None, publication: Publication, params: Sequence[Any]
    ) -> None:
        self.place = place
        self.id = id
        self.publication = publication
        self.params = params
        self.is_ready = self.is_announced = self.is_over = self.is_shown = False

    @property
    def sources(self) -> list[Source]:
        raise NotImplementedError

    async def open(self) -> None:
        """Begin, and show documents as they come. Raises what the publication raises."""
        raise NotImplementedError

    async def load(self, patience: float) -> None:
        """Begin, and return when the first documents are there; nothing is shown yet.

        Args:
            patience: seconds to wait for a publisher that is not ready.
        """
        raise NotImplementedError

    async def passed(self) -> None:
        """Wait for what the messages behind this subscription have to wait for."""

    def shown(self) -> None:
        """The view shows its sources from now on."""
        self.is_shown = True

    def halt(self) -> None:
        """Take up nothing new; what is there stays until `end`."""

    def end(self) -> None:
        """Let go of everything; the view is the caller's concern."""
        self.is_over = True

    def again(self) -> Subscription:
        """The same, not begun, for whoever the session's user is now."""
        new = type(self)(self.place, self.id, self.publication, self.params)
        new.is_announced = self.is_announced
        return new

    def announce(self) -> None:
        """Tell the client that it is ready."""
        self.is_announced = True
        if self.id is not None:
            self.place.outbox.push(messages.ready([self.id]))


class QuerySubscription(Subscription):
    """Of a publication that gives querysets."""

    __slots__ = ("_queries",)

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self._queries: list[LiveQuery] = []

    @property
    def sources(self) -> list[Source]:
        return list(self._queries)

    async def open(self) -> None:
        await self._load()
        for query in self._queries:
            self.place.view.join(query)
        self.shown()
        self.announce()

    async def load(self, patience: float) -> None:
        await self._load()

    async def _load(self) -> None:
        self._queries = await self.place.hub.retrying(self._plan_and_acquire)
        self.is_ready = True

    def end(self) -> None:
        super().end()
        for query in self._queries:
            self.place.hub.engine.release(query)
        self._queries = []

    async def _plan_and_acquire(self) -> list[LiveQuery]:
        hub = self.place.hub
        plans = hub.fixed_plans.get(self.publication, self.params)
        if plans is None:
            plans = await self._plan()
        return await hub.acquire_all(plans)

    async def _plan(self) -> list[QueryPlan]:
        hub = self.place.hub
        revision = hub.fixed_plans.revision
        plans = await hub.user_threads.run(
            plans_for,
            hub.registry,
            self.publication,
            self.params,
            self.place.invocation(),
            hub.watched,
            what=f"Publication {self.publication.name!r}",
        )
        hub.fixed_plans.keep(self.publication, self.params, plans, revision)
        return plans
