"""What applications want done at the end of something."""

from __future__ import annotations

import inspect
import logging
from collections.abc import Awaitable, Callable
from typing import Any

logger = logging.getLogger("dddp.session")

Callback = Callable[[], Any]


class Callbacks:
    """Called one after the other, each once. All of this is for the event loop's thread.

    Args:
        run: `Threads.run`, for plain functions.
        what: for the log: "on_stop of publication 'x'".
    """

    def __init__(self, run: Callable[..., Awaitable[Any]], what: str) -> None:
        self._run = run
        self._what = what
        self._waiting: list[Callback] = []

    def add(self, callback: Callback) -> None:
        """Keep one for `call`."""
        self._waiting.append(callback)

    def __bool__(self) -> bool:
        return bool(self._waiting)

    async def call(self) -> None:
        """Call, or await, those that have been added; what they raise is logged."""
        while self._waiting:
            callback = self._waiting.pop(0)
            try:
                if inspect.iscoroutinefunction(callback):
                    await callback()
                else:
                    await self._run(callback, what=self._what)
            except Exception:
                logger.exception("%s failed", self._what)
