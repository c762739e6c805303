"""The one boundary between the event loop and threads: user code and SQL run here."""

from __future__ import annotations

import asyncio
import contextvars
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

from django.db import connections
from django.db.backends.base.base import BaseDatabaseWrapper

T = TypeVar("T")


class Threads:
    """A bounded pool of threads, each with Django database connections that stay open.

    With Django's own connection pool they are given back after each job.

    Connections are closed when they are broken, when `renew` was called since they were last
    used, or when a job left a transaction open.
    """

    def __init__(self, size: int, name: str) -> None:
        self._pool = ThreadPoolExecutor(size, thread_name_prefix=name)
        self._generation = 0
        self._local = threading.local()
        self._lock = threading.Lock()
        self._resting: set[BaseDatabaseWrapper] = set()
        self._stopped = False

    async def run(self, function: Callable[..., T], *args: Any) -> T:
        """Call `function(*args)` in a thread, in the caller's context; give back its result."""
        context = contextvars.copy_context()
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._pool, context.run, self._job, function, args)

    def renew(self) -> None:
        """Have each thread connect anew before its next job: the database was away."""
        self._generation += 1

    async def stop(self) -> None:
        """Close all connections; jobs that are running end by themselves and close theirs."""
        self._pool.shutdown(wait=False, cancel_futures=True)
        await asyncio.to_thread(self._close)

    def _close(self) -> None:
        with self._lock:
            self._stopped = True
            resting, self._resting = self._resting, set()
        for connection in resting:
            connection.inc_thread_sharing()
            connection.close()

    def _job(self, function: Callable[..., T], args: tuple[Any, ...]) -> T:
        with self._lock:
            self._resting.difference_update(connections.all(initialized_only=True))
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
        mine = connections.all(initialized_only=True)
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
