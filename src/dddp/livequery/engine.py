"""Moves every live query on with the stream of changes, and tells who sees the difference.

Transactions are applied one after the other in commit order. A query that is running in the
database keeps the changes that arrive meanwhile and takes those its snapshot does not see:
with LISTEN before the run, nothing is lost and nothing is applied twice.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable, Iterator
from typing import Any, Protocol

from dddp.changefeed.payload import Fence, TableChange
from dddp.livequery.asker import Asker
from dddp.livequery.document import Changes, Documents, Values
from dddp.livequery.group import Group
from dddp.livequery.netting import RowChange
from dddp.livequery.outage import RETRY_SECONDS, is_outage
from dddp.livequery.plan import Loaded, QueryPlan
from dddp.livequery.predicates import Unsure
from dddp.livequery.query import Effects, LiveQuery, Pending, compare, merge
from dddp.livequery.questions import Answer, Question
from dddp.livequery.tables import Dependents, Tables
from dddp.livequery.transaction import Transaction

logger = logging.getLogger("dddp.livequery")


class Feed(Protocol):
    """What the engine needs of the change feed's listener."""

    async def listen(self, table: str) -> None: ...


async def _at_once(old: Documents, new: Documents) -> Changes:
    return compare(old, new)


class Engine:
    """All live queries of this process.

    Args:
        feed: told which tables to listen to.
        run: runs a plan in a worker thread.
        compare: `query.compare`, in a worker thread where that takes long; neither result changes
            meanwhile.
        ask: asks a question about queries of one shape in a worker thread.
        deliver: called with the effects of each transaction, in commit order.
        on_fence: called with a fence's token once everything before it has been applied.
        pending_rows: changes kept for a query while it runs; beyond, it runs once more.
        transaction_rows: rows of one transaction kept; beyond, its tables are queried again.

    Attributes:
        live: set while changes come.
    """

    def __init__(
        self,
        feed: Feed,
        run: Callable[[QueryPlan], Awaitable[Loaded]],
        ask: Callable[[Question], Awaitable[Answer]],
        deliver: Callable[[Effects], None],
        on_fence: Callable[[str], None],
        pending_rows: int,
        transaction_rows: int,
        compare: Callable[[Documents, Documents], Awaitable[Changes]] = _at_once,
    ) -> None:
        self._compare = compare
        self._feed = feed
        self._run = run
        self._deliver = deliver
        self._on_fence = on_fence
        self._pending_rows = pending_rows
        self._transaction_rows = transaction_rows
        self._queries: dict[Any, LiveQuery] = {}
        self._tables = Tables(transaction_rows)
        self._asker = Asker(ask, deliver, self._mark_all_dirty, lambda: self._position)
        self._transaction: Transaction | None = None
        self._position = 0
        self._epoch = 0
        self.live = asyncio.Event()
        self.live.set()

    @property
    def queries(self) -> list[LiveQuery]:
        """Every live query."""
        return list(self._queries.values())

    async def acquire(self, plan: QueryPlan) -> LiveQuery:
        """The live query of a plan, loaded; the same for equal plans. `release` it when done.

        Raises what running the query raises, or has raised when it was run last.
        """
        query = self._queries.get(plan.key)
        if query is None:
            query = self._queries[plan.key] = LiveQuery(plan)
            query.loaded = asyncio.create_task(self._load(query))
            logger.debug("Live query of %s: %s", query.shape.collection, plan.technique)
        query.users += 1
        try:
            await asyncio.shield(query.loaded)
            while query.epoch != self._epoch:
                await self.live.wait()
                self._mark_dirty(query)
                await self.settled([query], also_failing=True)
            if query.failing is not None:
                raise query.failing.with_traceback(None)  # or it would grow each time
        except BaseException:
            self.release(query)
            raise
        return query

    async def anew(self, query: LiveQuery) -> None:
        """Run a query again, and wait: what is committed by now is in it, told of or not.

        Unless the database refuses to run it.
        """
        self._position += 1
        self._mark_dirty(query)
        await self.settled([query])

    def release(self, query: LiveQuery) -> None:
        """Let go of a query; the last one to do so ends it."""
        query.users -= 1
        if query.users == 0:
            self._drop(query)

    def _drop(self, query: LiveQuery) -> None:
        if self._queries.get(query.plan.key) is query:
            del self._queries[query.plan.key]
        self._tables.discard(query)
        for task in (query.loaded, query.refreshing):
            if task is not None and task is not asyncio.current_task():
                task.cancel()
        query.refreshing = None  # nobody waits for it any more
        self._wake(query, everyone=True)

    async def _load(self, query: LiveQuery) -> None:
        try:
            while query.epoch != self._epoch:
                await self.live.wait()
                await self._listen(query)
                if self._queries.get(query.plan.key) is not query:
                    return  # nobody wants it any more
                self._tables.add(query)
                await self._run_once(query)
            if query.dirty:
                query.refreshing = asyncio.create_task(self._refresh(query))
        except BaseException:
            if self._queries.get(query.plan.key) is query:
                del self._queries[query.plan.key]
            self._tables.discard(query)
            raise

    async def _listen(self, query: LiveQuery) -> None:
        for table in query.plan.tables:
            await self._feed.listen(table)

    async def _run_once(self, query: LiveQuery) -> None:
        """Ask the database and take over its answer, with what has changed since."""
        position, epoch = self._position, self._epoch
        query.dirty = False
        query.pending = pending = Pending(self._pending_rows)
        group: Group | None = query.group
        if group is not None:
            group.loading[query] = None
        try:
            loaded = await self._run(query.plan)
            changes = await self._compare(query.documents, loaded.documents)
        except BaseException:
            query.dirty = True
            raise
        finally:
            query.pending = None
            if group is not None:
                group.loading.pop(query, None)
        query.failing = None
        query.load(loaded)
        kept = [change for xid, change in pending.rows if not query.sees(xid)]
        if group is None:
            for change in kept:
                self._apply_row(query, change, {}, changes)
        elif query.group is group:
            group.took(query, changes, kept, position)
            self._asker.need(group)
        if any(not query.sees(xid) for xid in pending.xids):
            query.dirty = True
        query.applied, query.epoch = position, epoch
        if changes:
            self._deliver({query: changes})
        self._wake(query)

    def _mark_dirty(self, query: LiveQuery) -> None:
        query.dirty = True
        if query.refreshing is None and query.loaded.done():
            query.refreshing = asyncio.create_task(self._refresh(query))

    def _mark_all_dirty(self, queries: Iterable[LiveQuery]) -> None:
        for query in queries:
            self._mark_dirty(query)

    async def _refresh(self, query: LiveQuery) -> None:
        failures = 0
        while query.dirty and query.users:
            try:
                await self._listen(query)
                await self._run_once(query)
                failures = 0
            except Exception as error:
                delay = RETRY_SECONDS[min(failures, len(RETRY_SECONDS) - 1)]
                failures += 1
                query.failing = None if _is_passing(error, delay) else error
                if query.failing is not None:
                    self._wake(query, everyone=True)
                await asyncio.sleep(delay)
        query.refreshing = None

    def on_batch(self, batch: Iterable[TableChange | Fence]) -> None:
        """Apply what one read of the change feed has brought."""
        for message in batch:
            if isinstance(message, Fence):
                self._apply()
                self._on_fence(message.token)
                continue
            if self._transaction is None or self._transaction.xid != message.xid:
                self._apply()
                self._transaction = Transaction(message.xid, self._transaction_rows)
            self._transaction.add(message)
        self._apply()

    def lost(self) -> None:
        """Changes do not come any more: nothing is ready until `resync`."""
        self.live.clear()
        self._epoch += 1

    def resync(self) -> None:
        """Changes come again: run every live query anew, as some may have been missed."""
        self._transaction = None
        self._position += 1
        self._epoch += 1
        self.live.set()
        self._mark_all_dirty(self.queries)

    async def settled(self, queries: Iterable[LiveQuery], also_failing: bool = False) -> None:
        """Wait until these queries contain every change received so far.

        Args:
            also_failing: those too that the database refuses to run; else they are not waited for.
        """
        # A fence may come on a new link before it is known what the old one has missed.
        await self.live.wait()
        position = self._position
        queries = list(queries)
        # What a query has kept while it was run by itself is then asked of its group.
        while waiting := [
            *(_progress(group) for group in _behind(queries, position)),
            *self._refreshes(queries, position, also_failing),
        ]:
            await asyncio.wait(waiting)

    def _refreshes(
        self, queries: Iterable[LiveQuery], position: int, also_failing: bool
    ) -> Iterator[asyncio.Future[None]]:
        for query in queries:
            behind = query.refreshing is not None and query.applied < position
            if behind and (also_failing or query.failing is None):
                future = asyncio.get_running_loop().create_future()
                query.waiters.append((position, future))
                yield future

    def _wake(self, query: LiveQuery, everyone: bool = False) -> None:
        still = []
        for position, future in query.waiters:
            if everyone or position <= query.applied or not query.dirty:
                if not future.done():
                    future.set_result(None)
            else:
                still.append((position, future))
        query.waiters = still

    def _apply(self) -> None:
        transaction = self._transaction
        if transaction is None or not transaction.touched:
            return
        self._position += 1
        effects: Effects = {}
        for table in transaction.touched:
            dependents = self._tables.get(table)
            if dependents is not None:
                self._apply_table(transaction, table, dependents, effects)
        transaction.touched = set()
        transaction.applied = True
        if effects:
            self._deliver(effects)

    def _apply_table(
        self, transaction: Transaction, table: str, dependents: Dependents, effects: Effects
    ) -> None:
        xid = transaction.xid
        for query in dependents.asking:
            self._touch(query, xid)
        if dependents.groups:
            pairs = transaction.pairs(table)
            for group, number in dependents.groups:
                group.changed(number, pairs, xid)
                self._asker.need(group)
        if not dependents.deciding:
            return
        rows = transaction.rows(table, dependents.pk)
        if rows is None:
            for query in dependents.deciding:
                self._touch(query, xid)
            return
        for change in rows:
            shared: dict[int, Values] = {}
            unsure = transaction.applied or not change.certain
            for query in dependents.index.candidates(change.images):
                if change.old is None and change.new is None:
                    if unsure or not query.decides(change.between[0]):
                        self._touch(query, xid)
                elif query.pending is not None:
                    query.pending.add(xid, change)
                elif not query.sees(xid):
                    self._apply_row(query, change, shared, effects.setdefault(query, {}))

    def _touch(self, query: LiveQuery, xid: int) -> None:
        """A transaction changed what only the database can decide for this query."""
        if query.pending is not None:
            query.pending.mark(xid)
        elif not query.sees(xid):
            self._mark_dirty(query)

    def _apply_row(
        self, query: LiveQuery, change: RowChange, shared: dict[int, Values], changes: Changes
    ) -> None:
        try:
            merge(changes, query.row_changed(change, shared))
        except Unsure:
            self._mark_dirty(query)
        except Exception:
            logger.exception("A change cannot be applied to a live query, which is run again")
            self._mark_dirty(query)


def _behind(queries: Iterable[LiveQuery], position: int) -> Iterable[Group]:
    """The groups in which something before a place in the stream is still to be asked."""
    groups = {query.group: None for query in queries if query.group is not None}
    return [group for group in groups if group.is_behind(position)]


def _progress(group: Group) -> asyncio.Future[None]:
    future = asyncio.get_running_loop().create_future()
    group.waiters.append(future)
    return future


def _is_passing(error: Exception, delay: float) -> bool:
    """Log why a query could not be run; is it the database that is away?"""
    if is_outage(error):
        logger.warning("A live query waits for the database (%s); next try in %s s", error, delay)
        return True
    logger.error("A live query failed; next try in %s s", delay, exc_info=error)
    return False
