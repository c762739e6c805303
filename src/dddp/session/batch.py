"""Many frames at once, built when they are taken: building them all would hold everyone up."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import tee
from typing import TypeVar

from dddp.protocol.frames import Frame

T = TypeVar("T")


@dataclass(slots=True)
class Batch:
    """Frames of one client, in order, each built when it is taken.

    Attributes:
        frames: gives them, once. What it holds on to must not change.
        size: about how many bytes are still to come.
        number: about how many frames there are.
        rest: those that are built and have not been taken, in any order.
    """

    frames: Iterator[Frame]
    size: int
    number: int
    rest: Sequence[Frame] = field(default=(), repr=False)

    def shared(self, clients: int) -> list[Batch]:
        """The same for several clients; the first to take a frame builds it for all of them.

        A frame is kept until the last has taken it. This batch itself is used up.
        """
        return [Batch(frames, self.size, self.number) for frames in tee(self.frames, clients)]


def listed(frames: list[Frame], size: int) -> Batch:
    """Of these frames, which must not be used any more."""
    return Batch(emptying(frames), size, len(frames), frames)


def emptying(items: list[T]) -> Iterator[T]:
    """These items; who takes one has the only reference to it.

    Letting go of all of them at once would take long, too.
    """
    items.reverse()
    while items:
        yield items.pop()
