"""The first messages about a source, built once for all who join while it is unchanged.

They are kept with the source, and go with its first change. Of all sources together so many are
kept as fit into a bound: those that were made last.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator
from typing import Any
from weakref import ref

from dddp.protocol.frames import Frame
from dddp.session.batch import Batch

MOST_BYTES = 16 * 1024 * 1024
"""Of messages that are kept; each is there about twice, with a head for WebSockets."""
FRAME_BYTES = 100
"""Of a frame beside its message."""


class Initial:
    """Frames that are built when somebody takes them first.

    Args:
        frames: gives them, once. What it holds on to must not change.
        size: about how many bytes they are.
    """

    __slots__ = ("__weakref__", "_built", "_rest", "kept", "number", "size")

    def __init__(self, frames: Iterator[Frame], number: int, size: int) -> None:
        self._built: list[Frame] = []
        self._rest = frames
        self.number = number
        self.size = size
        self.kept = True

    def all(self) -> list[Frame]:
        """Every frame, now."""
        self._built += self._rest
        return self._built

    def batch(self) -> Batch:
        """Every frame, when it is taken."""
        return Batch(_each(self._built, self._rest), self.size, self.number)

    def discard(self) -> None:
        """Let go of what nobody is taking."""
        self.kept = False
        self._built, self._rest = [], iter(())


def _each(built: list[Frame], rest: Iterator[Frame]) -> Iterator[Frame]:
    place = 0
    while True:
        if place == len(built):
            frame = next(rest, None)
            if frame is None:
                return
            built.append(frame)
        yield built[place]
        place += 1


class Kept:
    """Those that are kept, oldest first. `bound` bytes at most."""

    def __init__(self, bound: int) -> None:
        self._bound = bound
        self._sizes: OrderedDict[ref[Initial], int] = OrderedDict()
        self._size = 0

    def add(self, initial: Initial) -> None:
        """Keep one, unless it is larger than all may be; what no source has any more counts not."""
        size = 2 * initial.size + FRAME_BYTES * initial.number
        if size > self._bound:
            initial.discard()
            return
        self._sizes[ref(initial, self._forget)] = size
        self._size += size
        while self._size > self._bound:
            oldest = next(iter(self._sizes))
            self._forget(oldest)
            found = oldest()
            if found is not None:
                found.discard()

    def _forget(self, reference: Any) -> None:
        self._size -= self._sizes.pop(reference, 0)


KEPT = Kept(MOST_BYTES)
