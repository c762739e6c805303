"""Live subscriptions beside fresh runs of their querysets, step by step.

For each kind two clients are subscribed to querysets of one shape with different parameters.
Half-way, the second one stops and another begins, so that queries are also loaded among rows with
a history.
"""

from __future__ import annotations

import itertools
import logging
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from functools import wraps
from typing import Any, Protocol

from django.db import connection
from django.db.models import QuerySet
from wire_values import documents

from dddp.session.hub import Hub
from tools.inprocess import InProcess, quiet
from zoo.ddp import shown

Make = Callable[[Any], QuerySet[Any]]
Step = Callable[[], object]
Result = dict[str, dict[str, Any]]


class Kind(Protocol):
    """A kind of queryset.

    Attributes:
        make: parameter -> queryset.
        parameters: two of them.
        comes_and_goes: documents do, in both results; else only values change.
    """

    make: Make
    parameters: tuple[Any, Any]
    comes_and_goes: bool


def unseen(step: Step) -> Step:
    """Mark a step that changes neither result; all others have to change one."""

    @wraps(step)  # and not the step itself: methods are the same function for all kinds
    def marked() -> object:
        return step()

    marked.__dict__["seen"] = False
    return marked


def sql(statement: str, *params: Any) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement, params or None)


class Follower:
    """Follows one kind.

    Attributes:
        changed: the steps that changed a result.
        error: what has gone wrong first, with the name of the step.
    """

    def __init__(self, hub: Hub, kind: Kind, stack: AsyncExitStack) -> None:
        self.kind = kind
        self.changed: list[Step] = []
        self.error: Exception | None = None
        self._hub = hub
        self._stack = stack
        self._names = [f"{len(shown)}, {place}" for place in range(2)]
        self._views: list[InProcess] = []
        self._results: list[tuple[Result, ...]] = []

    async def subscribe(self) -> None:
        """Begin, with two clients."""
        with self._keeping_errors("subscribing"):
            for name, parameter in zip(self._names, self.kind.parameters, strict=True):
                shown[name] = [self.kind.make(parameter)]
                self._views.append(await self._subscribed(name))
        with self._keeping_errors("subscribing"):
            self._look()

    async def change_over(self) -> None:
        """The second client leaves, a new one takes its place."""
        with self._keeping_errors("a client leaves"):
            leaving = self._views.pop()
            await leaving.subscription.stop()
            assert _shown_to(leaving) == {}
            self._views.append(await self._subscribed(self._names[1]))

    async def _subscribed(self, name: str) -> InProcess:
        client = await self._stack.enter_async_context(InProcess(self._hub))
        client.subscription = await client.subscribe("Shown", name)
        return client

    def compare(self, step: Step) -> None:
        """After a step: what clients have is what the querysets give."""
        with self._keeping_errors(step.__name__):
            before, after = self._results[-1], self._look()
            if before != after:
                self.changed.append(step)
            assert getattr(step, "seen", True) in (None, before != after)

    def _look(self) -> tuple[Result, ...]:
        pairs = zip(self.kind.parameters, self._views, strict=True)
        self._results.append(tuple(itertools.starmap(self._compared, pairs)))
        return self._results[-1]

    @contextmanager
    def _keeping_errors(self, step: str) -> Iterator[None]:
        """The first is kept, and other kinds go on."""
        try:
            yield
        except Exception as error:
            error.add_note(f"After: {step}.")
            self.error = self.error or error

    def _compared(self, parameter: Any, client: InProcess) -> Result:
        queryset = self.kind.make(parameter)
        result = documents(queryset)
        expected = {queryset.model._meta.label_lower: result} if result else {}
        assert _shown_to(client) == expected, f"{parameter!r}"
        assert client.violations == []
        return result

    def check(self) -> None:
        """Raise what went wrong; and enough has happened for that to mean something."""
        if self.error is not None:
            raise self.error
        for results in zip(*self._results, strict=True):
            pairs = list(itertools.pairwise(results))
            assert any(before != after for before, after in pairs), "nothing has changed"
            if self.kind.comes_and_goes:
                assert any(after.keys() - before.keys() for before, after in pairs), "none came"
                assert any(before.keys() - after.keys() for before, after in pairs), "none went"


async def follow(kinds: Sequence[Kind], steps: Sequence[Step]) -> list[Follower]:
    """Follow kinds through the steps of a story, each committed before the next."""
    shown.clear()
    async with running_hub() as hub, AsyncExitStack() as stack:
        stack.enter_context(no_complaints())
        followers = []
        for kind in kinds:
            followers.append(Follower(hub, kind, stack))
            await followers[-1].subscribe()
        for number, step in enumerate(steps):
            if number == len(steps) // 2:
                for follower in followers:
                    await follower.change_over()
            step()
            await quiet(hub)
            for follower in followers:
                follower.compare(step)
    shown.clear()
    return followers


@asynccontextmanager
async def running_hub() -> AsyncIterator[Hub]:
    """A hub in this process."""
    hub = Hub()
    await hub.start()
    try:
        yield hub
    finally:
        await hub.stop()


@contextmanager
def no_complaints() -> Iterator[None]:
    """Nothing fails that is hidden from clients by another way to the same result."""
    complaints: list[str] = []
    handler = logging.Handler(logging.WARNING)
    handler.emit = lambda record: complaints.append(record.getMessage())
    logger = logging.getLogger("dddp")
    logger.addHandler(handler)
    try:
        yield
    finally:
        logger.removeHandler(handler)
    assert complaints == []


def _shown_to(client: InProcess) -> dict[str, Result]:
    return {name: dict(found) for name, found in client.collections.items() if found}
