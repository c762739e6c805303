"""Stories that are told to many kinds of querysets at once.

Each step says which tables it writes, so that a kind can be checked to have followed each of its
tables by itself.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from following import Follower, Make, Step, follow


class RolledBack(Exception):
    """Ends a transaction."""


class Story:
    """How it begins, and its steps in the order of their definition."""

    def __init__(self) -> None:
        self.steps: list[Step] = []

    def beginning(self, function: Step) -> Step:
        """Decorator: makes the rows at the beginning, whatever there was."""
        self._begin = function
        return function

    def writes(self, *tables: str) -> Callable[[Step], Step]:
        """Decorator: a step that writes these tables. It changes some kinds, not all."""

        def register(step: Step) -> Step:
            step.__dict__.update(seen=None, tables=frozenset(tables))
            self.steps.append(step)
            return step

        return register

    def tell(self, kinds: Sequence[Over]) -> dict[Over, Follower]:
        """Begin, and follow all these kinds to the end."""
        self._begin()
        return dict(zip(kinds, asyncio.run(follow(kinds, self.steps)), strict=True))


@dataclass(frozen=True, eq=False)
class Over:
    """One kind of queryset.

    Attributes:
        make: parameter -> queryset.
        parameters: two of them.
        reads: the tables on which the result depends: a step on each alone has to change it.
    """

    make: Make
    parameters: tuple[Any, Any]
    reads: str
    comes_and_goes: bool = True

    def check(self, follower: Follower) -> None:
        """Clients had what they should have, and each of the tables has mattered by itself."""
        follower.check()
        written = [step.__dict__["tables"] for step in follower.changed]
        mattered = {table for tables in written if len(tables) == 1 for table in tables}
        assert set(self.reads.split()) - mattered == set()
