"""What a client has sent and is not handled yet, in order."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from typing import Any


class Inbox:
    """A queue that tells when its client should not be read any more.

    Args:
        messages, size: number and bytes beyond which it is full.
    """

    __slots__ = ("_events", "_messages", "_size", "_size_limit")

    def __init__(self, messages: int, size: int) -> None:
        self._events: deque[tuple[Any, int]] | None = None
        self._messages = messages
        self._size_limit = size
        self._size = 0

    @property
    def full(self) -> bool:
        """More is waiting than should."""
        return len(self._events or ()) > self._messages or self._size > self._size_limit

    def add(self, event: Any, size: int) -> None:
        """Queue an event made of `size` bytes."""
        if self._events is None:
            self._events = deque()
        self._events.append((event, size))
        self._size += size

    def next(self) -> Any:
        """Take the oldest event out."""
        assert self._events
        event, size = self._events.popleft()
        if not self._events:
            self._events = None  # an empty deque takes 760 bytes
        self._size -= size
        return event

    def __bool__(self) -> bool:
        return bool(self._events)

    def __iter__(self) -> Iterator[Any]:
        return (event for event, _ in self._events or ())
