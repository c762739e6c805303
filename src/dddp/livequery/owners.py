"""Finds queries of one shape by what tells whose a document is."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from dddp.livequery.plan import Batch, Member, Source
from dddp.livequery.query import LiveQuery
from dddp.livequery.questions import Found, Question
from dddp.livequery.template import as_text

Starts = Sequence[tuple[Source, Sequence[str]]]


class Owners:
    """Queries by their parameters, and questions about them.

    Args:
        batch: how they are asked.
    """

    def __init__(self, batch: Batch) -> None:
        self.batch = batch
        self._members: dict[LiveQuery, Member] = {}
        self._by_key: dict[tuple[Any, ...], dict[LiveQuery, None]] = {}
        self._by_data: dict[tuple[Any, ...], dict[LiveQuery, None]] = {}

    def add(self, query: LiveQuery, member: Member) -> None:
        """Find a query from now on."""
        self._members[query] = member
        self._by_key.setdefault((member.data_key, *member.terms), {})[query] = None
        self._by_data.setdefault(member.data_key, {})[query] = None

    def discard(self, query: LiveQuery) -> None:
        """Forget a query."""
        member = self._members.pop(query, None)
        if member is not None:
            drop(self._by_key, (member.data_key, *member.terms), query)
            drop(self._by_data, member.data_key, query)

    def question(self, starts: Starts | None, queries: Iterable[LiveQuery] | None) -> Question:
        """What to ask about these queries; None: all."""
        if queries is None:
            data = [self._members[next(iter(users))] for users in self._by_data.values()]
            return Question(self.batch, starts, data, None)
        members = [self._members[query] for query in queries]
        terms = [
            list({as_text(member.terms[place]): None for member in members})
            for place in range(len(self.batch.terms))
        ]
        distinct = {member.data_key: member for member in members}
        return Question(self.batch, starts, list(distinct.values()), terms)

    def of(self, question: Question, found: Found) -> Iterator[LiveQuery]:
        """The queries that have a document, by the keys that came with it."""
        for number, *terms in found.keys:
            yield from self._by_key.get((question.members[number].data_key, *terms), ())


def drop(users: dict[Any, dict[LiveQuery, None]], key: Any, query: LiveQuery) -> None:
    """Remove a query from those of a key, and the key with the last of them."""
    of_key = users.get(key, {})
    of_key.pop(query, None)
    if not of_key:
        users.pop(key, None)
