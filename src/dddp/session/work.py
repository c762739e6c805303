"""The one boundary between the event loop and threads: user code and SQL run here."""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import logging
import threading
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, TypeVar

from django.db import connections
from django.db.backends.base.base import BaseDatabaseWrapper

logger = logging.getLogger("dddp.session")

T = TypeVar("T")

OVERDUE_SECONDS = 5.0
"""How long a job may run before another takes its place, if one waits."""

LOOK_SECONDS = 0.5


@dataclass(slots=True, eq=False)
class _Place:
    """Of a job that runs. `is_given_away`: it counts among the spare ones."""

    what: object
    began: float
    is_given_away: bool = False


class Threads:
    """A bounded pool of threads, each with Django database connections that stay open.

    With Django's own connection pool they are given back after each job.

    Connections are closed when they are broken, when `renew` was called since they were last
    used, or when a job left a transaction open.

    Nothing ends a thread from outside. So that jobs that do not return do not stop all others,
    up to `spare` more threads take the places of such jobs.

    Args:
        size: jobs that run at a time.
        spare: jobs that may run beyond that, in place of overdue ones.
    """

    def __init__(self, size: int, name: str, spare: int = 0) -> None:
        self._pool = ThreadPoolExecutor(size + spare, thread_name_prefix=name)
        self._free = asyncio.Semaphore(size)
        self._replaces = spare > 0
        self._spare = spare
        self._taken: dict[_Place, None] = {}
        self._waiting = 0
        self._looking: asyncio.TimerHandle | None = None
        self._has_warned = False
        self._generation = 0
        self._local = threading.local()
        self._lock = threading.Lock()
        self._resting: set[BaseDatabaseWrapper] = set()
        self._ended: deque[tuple[asyncio.Future[Any], Future[Any]]] = deque()
        self._is_woken = False
        self._stopped = False

    async def run(self, function: Callable[..., T], *args: Any, what: object = "A job") -> T:
        """Call `function(*args)` in a thread, in the caller's context; give back its result.

        Args:
            what: its text is for the log, if it runs for too long.
        """
        if self._free.locked():
            await self._wait()
        else:
            await self._free.acquire()
        loop = asyncio.get_running_loop()
        place = _Place(what, loop.time())
        self._taken[place] = None
        job: Future[T] | None = None
        answer: asyncio.Future[T] = loop.create_future()
        try:
            context = contextvars.copy_context()
            job = self._pool.submit(context.run, self._job, function, args)
            job.add_done_callback(lambda done: self._hand_over(loop, answer, done))
            return await answer
        finally:
            if job is None or job.done() or job.cancel():
                self._leave(place)
            else:  # nobody waits for it any more, and it runs on
                job.add_done_callback(lambda _: on_loop(loop, self._leave, place))

    def _hand_over(
        self, loop: asyncio.AbstractEventLoop, answer: asyncio.Future[Any], job: Future[Any]
    ) -> None:
        """From any thread: the loop is woken once for all jobs that have ended since."""
        self._ended.append((answer, job))
        if not self._is_woken:
            self._is_woken = True
            try:
                loop.call_soon_threadsafe(self._take_over)
            except RuntimeError:  # it is closed
                self._is_woken = False

    def _take_over(self) -> None:
        self._is_woken = False
        while self._ended:
            answer, job = self._ended.popleft()
            if answer.done():
                continue
            if job.cancelled():
                answer.cancel()
            elif (error := job.exception()) is not None:
                answer.set_exception(error)
            else:
                answer.set_result(job.result())

    def renew(self) -> None:
        """Have each thread connect anew before its next job: the database was away."""
        self._generation += 1

    async def stop(self) -> None:
        """Close all connections; jobs that are running end by themselves and close theirs."""
        self._pool.shutdown(wait=False, cancel_futures=True)
        await asyncio.to_thread(self._close)

    async def _wait(self) -> None:
        self._waiting += 1
        try:
            if self._replaces and self._looking is None:
                self._replace_overdue()
            await self._free.acquire()
        finally:
            self._waiting -= 1

    def _leave(self, place: _Place) -> None:
        del self._taken[place]
        if place.is_given_away:
            self._spare += 1
            self._has_warned = False
        else:
            self._free.release()

    def _replace_overdue(self) -> None:
        """While jobs wait, let them take the places of those that run for too long."""
        self._looking = None
        if not self._waiting:
            return
        loop = asyncio.get_running_loop()
        latest = loop.time() - OVERDUE_SECONDS
        overdue = [each for each in self._taken if each.began < latest and not each.is_given_away]
        too_many = len(overdue) > self._spare
        for place in overdue[: self._spare]:
            place.is_given_away = True
            self._spare -= 1
            self._free.release()
            logger.warning(
                "%s runs for more than %g s while others wait; one takes its place in another "
                "thread, as %d more can.",
                place.what,
                OVERDUE_SECONDS,
                self._spare,
            )
        if too_many and not self._has_warned:
            self._has_warned = True
            running = ", ".join(sorted({str(each.what) for each in self._taken}))
            logger.error("All threads are taken, and what waits has to wait. Running: %s", running)
        self._looking = loop.call_later(LOOK_SECONDS, self._replace_overdue)

    def _close(self) -> None:
        with self._lock:
            self._stopped = True
            resting, self._resting = self._resting, set()
        for connection in resting:
            connection.inc_thread_sharing()
            connection.close()

    def _job(self, function: Callable[..., T], args: tuple[Any, ...]) -> T:
        with self._lock:
            self._resting.difference_update(getattr(self._local, "connections", ()))
        if getattr(self._local, "generation", self._generation) != self._generation:
            connections.close_all()
        self._local.generation = self._generation
        try:
            return function(*args)
        except BaseException as error:
            if isinstance(error, Exception) and not isinstance(error, StopIteration):
                raise
            # asyncio takes these for its own: they would end the server, or be waited for.
            raise RuntimeError(f"{error!r} was raised.") from error
        finally:
            self._rest()

    def _rest(self) -> None:
        self._local.connections = mine = connections.all(initialized_only=True)
        for connection in mine:
            connection.close_at = None
            connection.close_if_unusable_or_obsolete()
            if connection.settings_dict.get("OPTIONS", {}).get("pool"):
                connection.close()  # gives it back
        with self._lock:
            self._resting.update(mine)
            stopped = self._stopped
        if stopped:
            connections.close_all()


def on_loop(loop: asyncio.AbstractEventLoop, function: Callable[..., Any], *args: Any) -> None:
    """From any thread: have `function(*args)` called on a loop; nothing happens if it is closed."""
    with contextlib.suppress(RuntimeError):
        loop.call_soon_threadsafe(function, *args)
