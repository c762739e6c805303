"""What is kept for some seconds only, with one timer for all."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from typing import Generic, TypeVar

T = TypeVar("T")


class Expiring(Generic[T]):
    """Iterate over it for what is kept, the oldest first. Use it on the event loop only.

    Args:
        expire: called with what has been kept for long enough, and is not kept any more.
        at_once: how many may expire before others have their turn.
    """

    def __init__(self, expire: Callable[[T], object], at_once: int) -> None:
        self._expire = expire
        self._at_once = at_once
        self._until: dict[T, float] = {}
        self._timer: asyncio.Handle | None = None

    def __iter__(self) -> Iterator[T]:
        return iter(self._until)

    def __len__(self) -> int:
        return len(self._until)

    def __contains__(self, item: object) -> bool:
        return item in self._until

    def keep(self, item: T, seconds: float) -> None:
        """Keep it for so long from now on, also if it is kept already."""
        loop = asyncio.get_running_loop()
        self._until.pop(item, None)
        self._until[item] = loop.time() + seconds
        if self._timer is None:
            self._timer = loop.call_later(seconds, self._expire_some)

    def discard(self, item: T) -> None:
        """Keep it no more."""
        self._until.pop(item, None)

    def stop(self) -> None:
        """Let nothing expire before something is kept again."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _expire_some(self) -> None:
        loop = asyncio.get_running_loop()
        self._timer = None
        for _ in range(self._at_once):
            oldest = next(iter(self._until), None)
            if oldest is None:
                return
            if self._until[oldest] > loop.time():
                self._timer = loop.call_at(self._until[oldest], self._expire_some)
                return
            del self._until[oldest]
            self._expire(oldest)
        self._timer = loop.call_soon(self._expire_some)
