"""The one LISTEN connection of a server process.

Lifecycle: `start()` connects. When the link ends, however it ends, `on_lost()` is called at once;
the listener connects again with growing pauses, LISTENs to everything it listened to, and awaits
`on_live()`, which has to query again whatever is live. Then `live` is true again. A missing
notification and an error of `on_batch` end the link too, so that there is one way to recover.

All callbacks run on the event loop. Notifications are handed over from the moment of LISTEN, also
while `on_live()` runs.
"""

from __future__ import annotations

import asyncio
import itertools
import logging
import random
import secrets
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import psycopg

from dddp.changefeed import channels
from dddp.changefeed.backlog import QueueWatch
from dddp.changefeed.link import Link, Notification
from dddp.changefeed.payload import Decoder, Fence, TableChange
from dddp.exceptions import ListenerError

logger = logging.getLogger("dddp.changefeed")

FIRST_PAUSE = 0.1
LONGEST_PAUSE = 10.0
# A link that held this long makes the pauses short again.
STEADY_SECONDS = 30.0


class Listener:
    """Hears what happens to tables.

    Args:
        params: gives the parameters for psycopg.AsyncConnection.connect(), at each connecting.
        on_batch: called with the changes and fences of one read from the socket, in commit order.
        on_lost: called when the link has ended.
        on_live: awaited when all channels are listened to again; cancelled if the link ends
            meanwhile. What it raises ends the link.
        check_seconds: how often the fill of the notification queue is asked for, besides at each
            connecting.
        answer_seconds: how long an answer of the server may take before the link counts as lost.
        sleep, clock, jitter: asyncio.sleep, time.monotonic, random.random.

    Attributes:
        live: the link is up and nothing is missing.
        fence_channel: where `notify_fence` reaches this listener.
        queue_usage: fill of PostgreSQL's notification queue, 0..1, at the last check. At 1, commits
            fail in all databases of the cluster: some listener does not read.
    """

    def __init__(
        self,
        params: Callable[[], Mapping[str, Any]],
        on_batch: Callable[[list[TableChange | Fence]], None],
        on_lost: Callable[[], None],
        on_live: Callable[[], Awaitable[None]],
        *,
        check_seconds: float = 15.0,
        answer_seconds: float = 10.0,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        clock: Callable[[], float] = time.monotonic,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        self._params = params
        self._on_batch = on_batch
        self._on_lost = on_lost
        self._on_live = on_live
        self._check_seconds = check_seconds
        self._answer_seconds = answer_seconds
        self._sleep = sleep
        self._clock = clock
        self._jitter = jitter
        self.live = False
        self.queue_usage = 0.0
        self._queue = QueueWatch()
        self.fence_channel = channels.fence_channel(secrets.token_hex(10))
        self._probe = Fence(secrets.token_hex(10))
        self._probed = asyncio.Event()
        self._wanted: set[str] = set()
        self._heard: set[str] = set()
        self._listening = asyncio.Lock()
        self._up_or_stopped = asyncio.Event()
        self._stopped = False
        self._link: Link | None = None
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Connect; `on_live` is not called.

        Raises:
            ListenerError: no connection, or one on which notifications do not arrive.
        """
        try:
            link = await self._open()
            await self._check_delivery()
        except BaseException as error:
            if self._link is not None:
                self._link.close(ListenerError("The change feed has not started."))
            if isinstance(error, psycopg.Error | OSError):
                raise ListenerError(f"The change feed cannot reach PostgreSQL: {error}") from error
            raise
        self.live = not link.closed.done()
        self._task = asyncio.create_task(self._keep(link))

    async def stop(self) -> None:
        """Disconnect, for good. Callbacks are not called any more."""
        self._stopped = True
        self.live = False
        self._up_or_stopped.set()
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
        if self._link is not None:
            self._link.close(ListenerError("The listener is stopped."))

    def pause(self) -> Callable[[], None]:
        """Hand on nothing more until what is returned has been called; call it soon."""
        link = self._link
        if link is None:
            return lambda: None
        link.pause()
        return link.resume

    async def listen(self, table: str) -> None:
        """Hear a table's changes: all that are committed after this returns.

        Waits while the link is down.

        Args:
            table: `model._meta.db_table`.

        Raises:
            ListenerError: the listener is stopped, or PostgreSQL refuses.
        """
        while table not in self._heard:
            if self._stopped:
                raise ListenerError("The change feed is stopped.")
            self._wanted.add(table)
            await self._up_or_stopped.wait()
            link = self._link
            if link is None:
                continue
            try:
                async with self._listening:
                    await self._listen_on(link)
            except ListenerError:
                if link is self._link:
                    self._wanted.discard(table)
                    raise

    async def _listen_on(self, link: Link) -> None:
        """One round trip for all tables that wait for it."""
        missing = self._wanted - self._heard
        if not missing or link is not self._link:
            return
        names = sorted(channels.channel_for(table) for table in missing)
        await link.execute("; ".join(f"LISTEN {name}" for name in names), self._answer_seconds)
        if link is self._link:
            self._heard |= missing

    async def _open(self) -> Link:
        decoder = Decoder(self.fence_channel)

        def on_notifications(notifications: list[Notification]) -> None:
            self._hand_on(decoder, notifications)

        link = await Link.open(self._params(), on_notifications, self._closed)
        try:
            self._link = link
            await link.execute(f"LISTEN {self.fence_channel}", self._answer_seconds)
            async with self._listening:
                await self._listen_on(link)
            await self._check_queue(link)
            if link.closed.done():  # an answer and the end may come at once
                raise link.closed.result()
        except BaseException as error:
            link.close(ListenerError(f"LISTEN failed: {error}"))
            raise
        self._up_or_stopped.set()
        return link

    def _hand_on(self, decoder: Decoder, notifications: list[Notification]) -> None:
        if self._stopped:
            return
        feed = decoder.feed
        batch = [
            message
            for channel, payload in notifications
            if (message := feed(channel, payload)) is not None
        ]
        if not self._probed.is_set() and self._probe in batch:
            self._probed.set()
            batch.remove(self._probe)
        if batch:
            self._on_batch(batch)

    def _closed(self, reason: Exception) -> None:
        was_up = self._up_or_stopped.is_set()
        self.live = False
        self._link = None
        self._heard.clear()
        if self._stopped:
            return
        self._up_or_stopped.clear()
        if self._task is None or not was_up:
            return
        logger.warning("The change feed has lost its link to PostgreSQL: %s", reason)
        try:
            self._on_lost()
        except Exception:
            logger.exception("on_lost failed")

    async def _check_delivery(self) -> None:
        """A transaction pooler takes a LISTEN and forgets it: does a notification arrive?"""
        params = self._params()
        async with await psycopg.AsyncConnection.connect(**params, autocommit=True) as other:
            query = "SELECT pg_notify(%s, %s)"
            await other.execute(query, [self.fence_channel, self._probe.token])
        try:
            async with asyncio.timeout(self._answer_seconds):
                await self._probed.wait()
        except TimeoutError:
            raise ListenerError(
                "LISTEN does not work on the connection of the change feed, as through a "
                "transaction pooler. Set DDP_LISTEN_DSN to reach PostgreSQL itself."
            ) from None

    async def _keep(self, link: Link) -> None:
        attempt = 0
        while True:
            began = self._clock()
            await self._check_until_closed(link)
            if self._clock() - began >= STEADY_SECONDS:
                attempt = 0
            link, attempt = await self._return(attempt)

    async def _check_until_closed(self, link: Link) -> None:
        """The question finds half-open links too."""
        while not link.closed.done():
            await asyncio.wait({link.closed}, timeout=self._check_seconds)
            if link.closed.done():
                return
            try:
                await self._check_queue(link)
            except ListenerError as error:
                link.close(error)
                return

    async def _check_queue(self, link: Link) -> None:
        self.queue_usage = await self._queue.check(link, self._answer_seconds)

    async def _return(self, attempt: int) -> tuple[Link, int]:
        """A link that is live again, and how many attempts there have been."""
        for number in itertools.count(attempt):
            await self._sleep(self._pause(number))
            try:
                link = await self._open()
            except Exception as error:  # whatever it is, it may pass
                logger.warning("The change feed cannot reach PostgreSQL yet: %s", error)
                continue
            if await self._catch_up(link):
                logger.info("The change feed is live again.")
                return link, number + 1
        raise AssertionError("itertools.count() ends")

    def _pause(self, attempt: int) -> float:
        longest = min(LONGEST_PAUSE, FIRST_PAUSE * 2.0 ** min(attempt, 16))
        return longest * (0.5 + self._jitter() / 2)

    async def _catch_up(self, link: Link) -> bool:
        """Await `on_live`, but not beyond the end of the link."""
        resync = asyncio.ensure_future(self._on_live())
        try:
            ends: list[asyncio.Future[Any]] = [resync, link.closed]
            await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
        finally:
            if not resync.done():
                resync.cancel()
                await asyncio.wait({resync})
        if resync.cancelled():
            link.close(ListenerError("Catching up was cancelled."))
        elif (error := resync.exception()) is not None:
            logger.error("Catching up with the change feed failed", exc_info=error)
            link.close(ListenerError(f"Catching up failed: {error}"))
        self.live = not link.closed.done()
        return self.live
