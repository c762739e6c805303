"""Live subscriptions beside fresh runs of their querysets, step by step.

Two clients are subscribed to querysets of one shape with different parameters. Half-way, the second
one stops and another begins, so that a query is also loaded among rows with a history.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from typing import Any, Protocol

from django.db import connection
from django.db.models import QuerySet
from wire_values import documents

from tools.inprocess import InProcess, quiet
from zoo.ddp import shown

Make = Callable[[Any], QuerySet[Any]]
Step = Callable[[], object]
Result = dict[str, dict[str, Any]]


class Kind(Protocol):
    """A kind of queryset with its story.

    Attributes:
        make: parameter -> queryset.
        parameters: two of them.
        comes_and_goes: documents do, in both results; else only values change.
    """

    make: Make
    parameters: tuple[Any, Any]
    comes_and_goes: bool

    def begin(self) -> None:
        """Make the tables as they are at the beginning, whatever is in them."""

    def steps(self) -> list[Step]:
        """What happens then."""


def unseen(step: Step) -> Step:
    """Mark a step that changes neither result; all others have to change one."""
    step.__dict__["seen"] = False
    return step


def sometimes(step: Step) -> Step:
    """Mark a step that is part of a story for many querysets, of which it changes some."""
    step.__dict__["seen"] = None
    return step


def sql(statement: str, *params: Any) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement, params or None)


@dataclass
class History:
    """What the results were, before the first step and after each: one for each parameter."""

    names: list[str] = field(default_factory=list)
    results: list[list[Result]] = field(default_factory=list)

    def changed(self, name: str) -> bool:
        """Did a step of this name change a result?"""
        pairs = zip(self.names, itertools.pairwise(self.results), strict=True)
        return any(step == name and before != after for step, (before, after) in pairs)

    def assert_eventful(self, comes_and_goes: bool) -> None:
        """Each result has changed; documents have come and gone, unless only values change."""
        for results in zip(*self.results, strict=True):
            pairs = list(itertools.pairwise(results))
            assert any(before != after for before, after in pairs), "nothing has changed"
            if comes_and_goes:
                assert any(after.keys() - before.keys() for before, after in pairs), "none came"
                assert any(before.keys() - after.keys() for before, after in pairs), "none went"


class Following:
    """Clients of a hub."""

    def __init__(self, hub: Any) -> None:
        self._hub = hub

    async def through(self, kind: Kind) -> History:
        """Take clients through the steps of a story, each committed before the next."""
        history = History()
        kind.begin()
        shown.clear()
        shown.update({str(place): [kind.make(each)] for place, each in enumerate(kind.parameters)})
        async with AsyncExitStack() as stack:
            views = [await self._subscribed(stack, place) for place in range(len(shown))]
            history.results.append(_compare("the beginning", kind, views))
            steps = kind.steps()
            for number, step in enumerate(steps):
                if number == len(steps) // 2:
                    views[-1] = await self._instead(stack, views[-1], len(views) - 1)
                step()
                await quiet(self._hub)
                history.names.append(step.__name__)
                history.results.append(_compare(step.__name__, kind, views))
                seen = getattr(step, "seen", True)
                changed = history.results[-1] != history.results[-2]
                assert seen in (None, changed), f"{step.__name__}: {changed=}"
        history.assert_eventful(kind.comes_and_goes)
        return history

    async def _subscribed(self, stack: AsyncExitStack, place: int) -> InProcess:
        client = await stack.enter_async_context(InProcess(self._hub))
        client.subscription = await client.subscribe("Shown", str(place))
        return client

    async def _instead(self, stack: AsyncExitStack, client: InProcess, place: int) -> InProcess:
        await client.subscription.stop()
        assert _shown_to(client) == {}
        return await self._subscribed(stack, place)


def _compare(step: str, kind: Kind, views: Sequence[InProcess]) -> list[Result]:
    results = []
    for parameter, client in zip(kind.parameters, views, strict=True):
        queryset = kind.make(parameter)
        result = documents(queryset)
        expected = {queryset.model._meta.label_lower: result} if result else {}
        assert _shown_to(client) == expected, f"{step}: {parameter!r}"
        assert client.violations == []
        results.append(result)
    return results


def _shown_to(client: InProcess) -> dict[str, Result]:
    return {name: dict(found) for name, found in client.collections.items() if found}
