"""Asks about each group of live queries when there is need, one time after the other."""

from __future__ import annotations

import asyncio
import itertools
import logging
from collections import deque
from collections.abc import Awaitable, Callable, Iterable

from dddp.livequery.answers import take_over
from dddp.livequery.group import Asked, Group
from dddp.livequery.outage import RETRY_SECONDS, is_outage
from dddp.livequery.query import Effects, LiveQuery
from dddp.livequery.questions import Answer, Question

logger = logging.getLogger("dddp.livequery")


class Asker:
    """Keeps groups up to date.

    What comes in while a group is asked about is asked about next, all at once: however fast
    changes come, one statement is on its way for each group.

    Args:
        ask: asks the database in a worker thread.
        deliver: called with the effects of each answer.
        fall_back: called with queries that cannot be asked together: one of them fails.
        position: the place in the stream of changes.
    """

    def __init__(
        self,
        ask: Callable[[Question], Awaitable[Answer]],
        deliver: Callable[[Effects], None],
        fall_back: Callable[[Iterable[LiveQuery]], None],
        position: Callable[[], int],
    ) -> None:
        self._ask = ask
        self._deliver = deliver
        self._fall_back = fall_back
        self._position = position

    def need(self, group: Group) -> None:
        """Ask about a group soon, if it has needs."""
        if group.needs and group.task is None:
            group.task = asyncio.create_task(self._keep_asking(group))

    async def _keep_asking(self, group: Group) -> None:
        try:
            while group.needs and group.queries:
                position = self._position()
                questions = deque(group.take())
                while questions:
                    questions.extend(await self._ask_once(group, *questions.popleft()))
                group.applied = position
                group.wake()
        finally:
            group.task = None
            group.wake()

    async def _ask_once(
        self, group: Group, question: Question, queries: list[LiveQuery] | None
    ) -> list[Asked]:
        """Take over what the database says; returns what it gives rise to ask next."""
        for failures in itertools.count():
            try:
                answer = await self._ask(question)
                if question.batch is not group.batch:
                    return group.whole(group.concerned(question, answer))
                effects = take_over(group, question, queries, answer)
            except Exception as error:
                if not is_outage(error):
                    logger.warning(
                        "Live queries cannot be asked together, but one by one: %s", error
                    )
                    self._fall_back(group.queries if queries is None else queries)
                    break
                delay = RETRY_SECONDS[min(failures, len(RETRY_SECONDS) - 1)]
                logger.warning("Live queries wait for the database; next try in %s s", delay)
                await asyncio.sleep(delay)
            else:
                if effects:
                    self._deliver(effects)
                break
        return []
