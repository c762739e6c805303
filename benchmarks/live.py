"""A server without sockets in this process, and a writer beside it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, TypeVar

import msgspec
import psycopg
from django.db.models import QuerySet

from benchmarks import statements
from benchmarks.statements import YARDSTICK, Asked
from dddp.api.registry import API
from dddp.livequery.analysis import analyse
from dddp.livequery.plan import QueryPlan
from dddp.livequery.query import LiveQuery
from dddp.session.hub import Hub

T = TypeVar("T")
Statement = tuple[str, Sequence[Any]]
Contents = dict[str, Any]
"""Id -> value of one field."""

AT_ONCE = 100


@dataclass(frozen=True)
class Cost:
    """Of one change: what the server asked, its CPU seconds, seconds until all was up to date."""

    asked: Asked
    cpu: float
    seconds: float


class Live:
    """A hub; what it holds live; and one connection that writes, in a thread of its own.

    Attributes:
        queries: every live query, in the order of `hold`.
    """

    def __init__(self, hub: Hub, connection: psycopg.Connection) -> None:
        self.hub = hub
        self.connection = connection
        self.queries: list[LiveQuery] = []
        self._hand = ThreadPoolExecutor(1)
        self._threads = ThreadPoolExecutor(2)

    async def write(self, function: Callable[..., T], *args: Any) -> T:
        """Call what uses the writer's connection."""
        return await asyncio.get_running_loop().run_in_executor(self._hand, function, *args)

    async def execute(self, sql: str, params: Sequence[Any] = ()) -> None:
        await self.write(lambda: self.connection.execute(sql, params or None))

    async def plan(self, queryset: QuerySet[Any]) -> QueryPlan:
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._threads, plan_of, queryset)

    async def hold(self, querysets: Iterable[QuerySet[Any]]) -> None:
        """Have these live, too."""
        waiting = list(querysets)
        for start in range(0, len(waiting), AT_ONCE):
            some = waiting[start : start + AT_ONCE]
            self.queries += await asyncio.gather(*(self._hold(each) for each in some))

    async def _hold(self, queryset: QuerySet[Any]) -> LiveQuery:
        return await self.hub.engine.acquire(await self.plan(queryset))

    def let_go(self) -> None:
        """Hold nothing live."""
        for query in self.queries:
            self.hub.engine.release(query)
        self.queries = []

    async def change(self, sql: str, params: Sequence[Any]) -> Cost:
        """One transaction, waited for until all live queries contain it."""
        before = await self.write(statements.asked, self.connection)
        fence = self.hub.fences.new()
        cpu, begin = time.process_time(), time.perf_counter()
        hand = await self.write(self._commit, sql, params, fence.token)
        await self.hub.passed(fence)
        await self.hub.engine.settled(self.queries[:1])
        seconds, cpu = time.perf_counter() - begin, time.process_time() - cpu - hand
        await self.hub.engine.settled(self.queries)
        after = await self.write(statements.asked, self.connection)
        return Cost(after - before, cpu, seconds)

    async def quiet(self) -> None:
        """Return when the live queries contain everything that is committed."""
        fence = self.hub.fences.new()
        await self.execute("SELECT pg_notify(%s, %s)", (self.hub.fence_channel, fence.token))
        await self.hub.passed(fence)
        await self.hub.engine.settled(self.queries)

    def _commit(self, sql: str, params: Sequence[Any], token: str) -> float:
        """Returns the CPU seconds of the writer, which are not the server's."""
        begin = time.thread_time()
        self.connection.execute(sql, params or None)
        self.connection.execute("SELECT pg_notify(%s, %s)", (self.hub.fence_channel, token))
        return time.thread_time() - begin

    async def yardstick(self, sql: str, params: Sequence[Any]) -> float:
        """Milliseconds of database time of a statement by hand, planned anew each time."""
        return (await self.write(self._measure, sql, params)).milliseconds

    def _measure(self, sql: str, params: Sequence[Any]) -> Asked:
        before = statements.asked(self.connection, YARDSTICK)
        self.connection.execute(f"SET ROLE {YARDSTICK}")
        self.connection.execute(sql, params, prepare=False)
        self.connection.execute("RESET ROLE")
        return statements.asked(self.connection, YARDSTICK) - before

    async def wrong(self, field: str, right: Mapping[int, Contents]) -> int:
        """How many live queries do not have the documents that `right` has for their place."""
        await self.quiet()
        return sum(
            contents(query, field) != right.get(place, {})
            for place, query in enumerate(self.queries)
        )


def plan_of(queryset: QuerySet[Any]) -> QueryPlan:
    """The plan of a queryset published as its model's own collection."""
    collection = API.collection_for(queryset.model)
    assert collection is not None
    return analyse(queryset, collection.name, collection.published_fields(), "default")


def contents(query: LiveQuery, field: str) -> Contents:
    """One field of a live query's documents, as clients get it."""
    decode = msgspec.json.decode
    return {decode(identity): decode(values)[field] for identity, values in query.documents.items()}


@asynccontextmanager
async def live(dsn: str) -> AsyncIterator[Live]:
    """A started hub, and a connection."""
    hub = Hub()
    await hub.start()
    try:
        with psycopg.connect(dsn, autocommit=True) as connection:
            yield Live(hub, connection)
    finally:
        await hub.stop()
