"""What a publisher says, from any thread, on its way to the event loop.

Documents are encoded and checked where they are said, so mistakes are raised there. Order is
kept: steps wait in one queue, and the loop's own thread takes what waits before it adds to it.
Other threads wait while too much does.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from dddp.exceptions import SubscriptionEnded
from dddp.livequery.document import Id, OpenShape, Values, encode_id, joined, members

MOST_STEPS = 1000
MOST_BYTES = 1024 * 1024

Step = Callable[[], None]
Show = Callable[[str, Id, Values | None, Values | None], None]
_encode = OpenShape("").from_mapping


class Dictation:
    """One publisher's words. `show(collection, id, before, after)` is called on the loop.

    Attributes:
        stopped: nothing that is said matters any more.
        writing_thread: where `def publish` runs; there, saying something after the end raises.
    """

    def __init__(self, show: Show) -> None:
        self._show = show
        self._loop = asyncio.get_running_loop()
        self._loop_thread = threading.get_ident()
        self._turn = threading.Condition(threading.RLock())
        self._documents: dict[tuple[str, Id], Values] = {}
        self._steps: list[Step] = []
        self._size = 0
        self._is_woken = False
        self._said_all = False
        self.stopped = False
        self.writing_thread: int | None = None

    def added(self, collection: str, id: Any, fields: Mapping[str, Any]) -> None:
        """Put a document, or more fields of one."""
        key, values = _key(collection, id), _encode(_without_id(fields))
        with self._turn:
            before = self._documents.get(key)
            self._move(key, before, values if before is None else _merged(before, values, ()))
        self._go_on()

    def changed(
        self, collection: str, id: Any, fields: Mapping[str, Any], cleared: Iterable[str]
    ) -> None:
        """Change a document's fields. Raises KeyError if there is none."""
        key, values, gone = _key(collection, id), _encode(_without_id(fields)), set(cleared)
        with self._turn:
            if self._listening():
                before = self._known(key)
                self._move(key, before, _merged(before, values, gone))
        self._go_on()

    def removed(self, collection: str, id: Any) -> None:
        """Drop a document. Raises KeyError if there is none."""
        key = _key(collection, id)
        with self._turn:
            if self._listening():
                self._move(key, self._known(key), None)
        self._go_on()

    def say(self, step: Step, last: bool = False) -> None:
        """Have `step()` done on the loop, behind all before; with `last`, nothing after it."""
        with self._turn:
            if self._listening():
                self._add(step, 0)
                self._said_all = last
        self._go_on()

    def call(self, step: Step) -> None:
        """Have `step()` done on the loop, even if nobody listens any more."""
        if threading.get_ident() == self._loop_thread:
            step()
        else:
            self._loop.call_soon_threadsafe(step)

    def end(self) -> None:
        """On the loop: forget what has not been taken, and listen no more."""
        with self._turn:
            self.stopped = self._said_all = True
            self._documents.clear()
            self._steps, self._size = [], 0
            self._turn.notify_all()

    def _known(self, key: tuple[str, Id]) -> Values:
        try:
            return self._documents[key]
        except KeyError:
            raise KeyError(f"{key[0]} has no document {key[1].decode()} here") from None

    def _move(self, key: tuple[str, Id], before: Values | None, after: Values | None) -> None:
        if before == after or not self._listening():
            return
        if after is None:
            del self._documents[key]
        else:
            self._documents[key] = after
        size = len(after or b"")
        self._add(lambda: self._show(*key, before, after), size)

    def _listening(self) -> bool:
        if self.stopped and threading.get_ident() == self.writing_thread:
            raise SubscriptionEnded("The subscription has ended.")
        return not self._said_all

    def _add(self, step: Step, size: int) -> None:
        self._steps.append(step)
        self._size += size

    def _go_on(self) -> None:
        """Take what waits, or have it taken and wait while that is too much."""
        if threading.get_ident() == self._loop_thread:
            self._take()
            return
        with self._turn:
            if self._steps and not self._is_woken:
                self._is_woken = True
                self._loop.call_soon_threadsafe(self._take)
            self._turn.wait_for(self._has_room)

    def _has_room(self) -> bool:
        return len(self._steps) < MOST_STEPS and self._size < MOST_BYTES

    def _take(self) -> None:
        with self._turn:
            steps, self._steps = self._steps, []
            self._size, self._is_woken = 0, False
            self._turn.notify_all()
        for step in steps:
            if not self.stopped:
                step()


def _key(collection: str, id: Any) -> tuple[str, Id]:
    if not isinstance(collection, str):
        raise TypeError(f"The collection's name is a string, not {collection!r}.")
    return collection, encode_id(id)


def _without_id(fields: Mapping[str, Any]) -> Mapping[str, Any]:
    return {name: value for name, value in fields.items() if name != "_id"}


def _merged(before: Values, values: Values, gone: Iterable[str]) -> Values:
    fields = members(before) | members(values)
    for name in gone:
        fields.pop(name, None)
    return joined(fields)
