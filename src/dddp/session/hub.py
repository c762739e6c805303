"""The live side of one server process: the change feed, the live queries, the sessions."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from django.db import connections

from dddp.api.registry import API, Registry
from dddp.api.watching import watched_tables
from dddp.changefeed import triggers
from dddp.changefeed.connect import listen_params
from dddp.changefeed.listener import Listener
from dddp.conf import conf
from dddp.exceptions import ConfigurationError, ServerStopping
from dddp.livequery import catalog
from dddp.livequery.asking import ask
from dddp.livequery.document import Changes, Documents
from dddp.livequery.engine import Engine
from dddp.livequery.loading import load
from dddp.livequery.outage import is_outage
from dddp.livequery.plan import Loaded, QueryPlan
from dddp.livequery.query import LiveQuery, compare
from dddp.livequery.questions import Answer, Question
from dddp.protocol.connection import NORMAL_CLOSURE
from dddp.session.alarms import Alarms
from dddp.session.attachment import Attachment
from dddp.session.calls import notify
from dddp.session.draining import RESTART, drain
from dddp.session.fences import Fences, Waiting
from dddp.session.info import ConnectionInfo
from dddp.session.limits import Addresses
from dddp.session.lingering import Lingering
from dddp.session.publishing import FixedPlans
from dddp.session.rate_limiter import RateLimiter
from dddp.session.sessions import Sessions
from dddp.session.turns import Turns
from dddp.session.visibility import deliver
from dddp.session.work import Threads

logger = logging.getLogger("dddp")

T = TypeVar("T")

RETRY_SECONDS = (0.05, 0.2, 1.0)
SWEEP_SECONDS = 5.0
FINISH_SECONDS = 5.0
QUERY_THREADS = 4
SPARE_FACTOR = 3
"""How many times as many threads there may be while methods and publications do not return."""
MANY_DOCUMENTS = 5000
"""Comparing more would hold up the event loop (0.3 us each)."""


class Hub:
    """Owns everything of this process that outlives a session. Start it before opening any.

    Attributes:
        ready: the change feed is live; subscriptions become ready.
        watched: tables with up-to-date triggers.
        leaving: the process is about to stop; `drain` sets it, or who will call that.
        stopped: it has ended; a new one is needed.
    """

    def __init__(self, registry: Registry = API) -> None:
        self.registry = registry
        self.fences = Fences()
        self.turns = Turns()
        self.alarms = Alarms()
        self.fixed_plans = FixedPlans(registry)
        self.rate_limiter = RateLimiter(registry.rate_limits, time.monotonic)
        self.watched: frozenset[str] = frozenset()
        self.sessions = Sessions()
        self.connections: dict[Attachment, None] = {}
        self._addresses = Addresses()
        self.leaving = False
        self._refuses = False
        self.stopped = False
        # Two pools: methods that never return must not keep live queries from being run.
        threads = conf.worker_threads
        self.user_threads = Threads(threads, "dddp-user", spare=SPARE_FACTOR * threads)
        self._query_threads = Threads(QUERY_THREADS, "dddp-query")
        # One: the event loop shares Python's lock with it, and shall not be one of many.
        self._decoding_thread = Threads(1, "dddp-decode")
        self.listener = Listener(listen_params, self._on_batch, self._on_lost, self._on_live)
        self.engine = Engine(
            feed=self.listener,
            run=self._load,
            compare=self._compare,
            ask=self._ask,
            deliver=deliver,
            on_fence=self.fences.reached,
            pending_rows=conf.pending_rows,
            transaction_rows=conf.transaction_rows,
        )
        self.lingering = Lingering(self.engine)
        self._starting: asyncio.Task[None] | None = None
        self._background: set[asyncio.Task[Any]] = set()
        self._finishing: set[asyncio.Future[None]] = set()

    @property
    def ready(self) -> bool:
        """True while changes reach this process."""
        return self.listener.live

    @property
    def fence_channel(self) -> str:
        """Where this process hears its write fences."""
        return self.listener.fence_channel

    async def start(self) -> None:
        """Connect to the change feed; once, however often and from wherever it is called.

        Raises:
            ConfigurationError, ListenerError: with a sentence that says what to do.
            ServerStopping: it is too late.
        """
        if self._refuses:
            raise ServerStopping("The server stops.")
        if self._starting is None:
            self._starting = asyncio.create_task(self._start())
        try:
            await asyncio.shield(self._starting)
        except Exception:
            self._starting = None
            raise

    async def _start(self) -> None:
        self.watched = await self._query_threads.run(installed_tables)
        await self.listener.start()
        self._spawn(self._sweep())

    async def drain(self) -> None:
        """Let go of the clients before `stop`: spread over a time, none within a call.

        How long, DDP_SHUTDOWN_SPREAD_SECONDS and DDP_SHUTDOWN_METHOD_SECONDS say. Whoever comes
        meanwhile is refused.
        """
        self.leaving = self._refuses = True
        spread, patience = conf.shutdown_spread_seconds, conf.shutdown_method_seconds
        await drain(list(self.connections), spread, patience)

    def hang_up(self) -> None:
        """Close all connections together, before `stop`: HTTP servers wait for responses to end."""
        self.leaving = self._refuses = True
        for attachment in list(self.connections):
            attachment.outbox.close(*RESTART)

    async def stop(self) -> None:
        """End all sessions and let go of the database, for good."""
        self.leaving = self.stopped = True
        for attachment in list(self.connections):
            attachment.close(*NORMAL_CLOSURE)
        for session in self.sessions:
            session.end()
        self.lingering.end()
        if self._finishing:
            await asyncio.wait(self._finishing, timeout=FINISH_SECONDS)
        for task in [*self._background, *self._finishing]:
            task.cancel()
        await self.listener.stop()
        await self.user_threads.stop()
        await self._query_threads.stop()
        await self._decoding_thread.stop()

    def open(self, info: ConnectionInfo) -> Attachment:
        """What a transport of a new connection talks to."""
        attachment = Attachment(self, info)
        self._addresses.add(info.address, conf.max_connections_per_address)
        self.connections[attachment] = None
        return attachment

    def is_crowded(self, address: str) -> bool:
        """Has this address as many connections as it may (DDP_MAX_CONNECTIONS_PER_ADDRESS)?"""
        return self._addresses.is_full(address, conf.max_connections_per_address)

    def forget(self, attachment: Attachment) -> None:
        """The connection has ended."""
        if attachment in self.connections:
            del self.connections[attachment]
            self._addresses.remove(attachment.address)

    def finish(self, ending: Awaitable[None]) -> None:
        """Have something run to its end, which outlives its session; `stop` waits for it."""
        task = asyncio.ensure_future(ending)
        self._finishing.add(task)
        task.add_done_callback(self._finishing.discard)

    async def acquire_all(self, plans: list[QueryPlan]) -> list[LiveQuery]:
        """The loaded live queries of these plans: all of them, or none is held."""
        tasks = [asyncio.ensure_future(self.engine.acquire(plan)) for plan in plans]
        try:
            return list(await asyncio.gather(*tasks))
        except BaseException:
            for task in tasks:
                task.cancel()
            for outcome in await asyncio.gather(*tasks, return_exceptions=True):
                if isinstance(outcome, LiveQuery):
                    self.engine.release(outcome)
            raise

    async def decode(self, function: Callable[..., T], *args: Any) -> T:
        """Call what takes too long for the event loop and asks the database nothing."""
        return await self._decoding_thread.run(function, *args)

    async def retrying(self, function: Callable[..., Awaitable[T]], *args: Any) -> T:
        """Await `function(*args)`, again while what fails is the way to the database.

        Raises the database's error when it persists though changes reach this process.
        """
        for pause in RETRY_SECONDS:
            try:
                return await function(*args)
            except Exception as error:
                if not is_outage(error):
                    raise
                logger.warning("The database cannot be reached; trying again.")
            await asyncio.sleep(pause)
            await self.engine.live.wait()
        return await function(*args)

    async def _load(self, plan: QueryPlan) -> Loaded:
        return await self._query_threads.run(load, plan)

    async def _compare(self, old: Documents, new: Documents) -> Changes:
        if len(old) + len(new) < MANY_DOCUMENTS:
            return compare(old, new)
        return await self._query_threads.run(compare, old, new)

    async def _ask(self, question: Question) -> Answer:
        return await self._query_threads.run(ask, question)

    def _on_batch(self, batch: Any) -> None:
        self.engine.on_batch(batch)
        if self.turns.busy:
            self._spawn(self._read_on(self.listener.pause()))

    async def _read_on(self, resume: Callable[[], None]) -> None:
        """Take a turn like those who write: changes must not come faster than they can go out."""
        try:
            await self.turns.next()
        finally:
            resume()

    def _on_lost(self) -> None:
        self.engine.lost()

    async def _on_live(self) -> None:
        """Catch up after a loss: run every query again, then let lost fences pass."""
        self.user_threads.renew()
        self._query_threads.renew()
        catalog.forget()
        self.fixed_plans.forget()
        self.engine.resync()
        self.fences.interrupted()
        logger.info("%d live queries are run anew.", len(self.engine.queries))

    async def passed(self, fence: Waiting) -> None:
        """Wait until all that a committed transaction wrote before this fence has been applied."""
        await fence.passed
        while fence.epoch != self.fences.epoch:
            fence = self.fences.new()
            try:
                run = self._query_threads.run
                await self.retrying(run, notify, self.fence_channel, fence.token)
                await fence.passed
            except BaseException:
                self.fences.drop(fence)
                raise

    async def _sweep(self) -> None:
        """Give up on clients that do not read; let go of what was counted."""
        while True:
            await asyncio.sleep(SWEEP_SECONDS)
            self.rate_limiter.sweep()
            for attachment in list(self.connections):
                attachment.outbox.check()

    def _spawn(self, coroutine: Any) -> None:
        task = asyncio.create_task(coroutine)
        self._background.add(task)
        task.add_done_callback(self._background.discard)


def installed_tables() -> frozenset[str]:
    """The watched tables whose triggers are in the database and up to date.

    Raises:
        ConfigurationError: some are not.
    """
    states = triggers.status(connections[conf.database], watched_tables())
    wrong = [state for state in states if state.state != "installed"]
    if wrong:
        names = ", ".join(f"{state.table} ({state.state})" for state in wrong)
        raise ConfigurationError(
            f"Change triggers are missing or outdated: {names}. "
            f"Run `manage.py migrate` or `manage.py dddp_triggers --install`."
        )
    return frozenset(state.table for state in states)


_hub: Hub | None = None


def get_hub() -> Hub:
    """The hub of this process, made on first use, and anew when it has been stopped."""
    global _hub
    if _hub is None or _hub.stopped:
        _hub = Hub()
    return _hub
