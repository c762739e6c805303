"""The one boundary between the event loop and threads: user code and SQL run here.

Two pools, so that methods which never return cannot keep live queries from being run.
"""

from __future__ import annotations

import asyncio
import contextvars
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

from django.db import connections

T = TypeVar("T")


class Threads:
    """A bounded pool of threads, each with Django database connections that stay open.

    Connections are closed when they are broken, when `renew` was called since they were last
    used, or when a job left a transaction open.
    """

    def __init__(self, size: int, name: str) -> None:
        self._pool = ThreadPoolExecutor(size, thread_name_prefix=name)
        self._generation = 0
        self._local = threading.local()

    async def run(self, function: Callable[..., T], *args: Any) -> T:
        """Call `function(*args)` in a thread, in the caller's context; give back its result."""
        context = contextvars.copy_context()
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._pool, context.run, self._job, function, args)

    def renew(self) -> None:
        """Have each thread connect anew before its next job: the database was away."""
        self._generation += 1

    def stop(self) -> None:
        """Let running jobs end by themselves; start no others."""
        self._pool.shutdown(wait=False, cancel_futures=True)

    def _job(self, function: Callable[..., T], args: tuple[Any, ...]) -> T:
        if getattr(self._local, "generation", self._generation) != self._generation:
            connections.close_all()
        self._local.generation = self._generation
        try:
            return function(*args)
        finally:
            for connection in connections.all(initialized_only=True):
                connection.close_at = None
                connection.close_if_unusable_or_obsolete()
