"""The live queries of one shape that the database decides, asked together."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from dddp.livequery.document import Changes, Id
from dddp.livequery.index import TableIndex
from dddp.livequery.needs import Needs, Starts
from dddp.livequery.netting import RowPair, is_same
from dddp.livequery.owners import Owners, drop
from dddp.livequery.plan import Member, Source
from dddp.livequery.predicates import Row, Unsure
from dddp.livequery.query import LiveQuery
from dddp.livequery.questions import Answer, Question
from dddp.livequery.template import as_text

Asked = tuple[Question, list[LiveQuery] | None]
"""A question, and the queries it is about; None: all of the group."""

WHOLE_AT_ONCE = 500
"""Queries that are run as a whole in one statement."""


class Group:
    """Queries that differ in their parameters only.

    Args:
        member: the first of them as one of their shape.
        sources: theirs.
        limit: values kept for the next question; beyond, it is about whole results.

    Attributes:
        owners: finds those that have a document.
        unsliced: finds those whose slice a document may have come into; None: it cannot be asked.
        needs: what has come in since they were asked last.
        asked: how often they have been asked; a query's `joined` is this when it was loaded.
        applied: place in the stream up to which their documents are complete.
        task: asks; None while there is no need.
        waiters: futures that are done when `is_behind` may have become false.
    """

    def __init__(self, member: Member, sources: tuple[Source, ...], limit: int) -> None:
        self.batch = member.batch
        self.owners = Owners(member.batch)
        self.unsliced = Owners(member.unsliced.batch) if member.unsliced else None
        self.sources = sources
        self.queries: dict[LiveQuery, None] = {}
        self.loading: dict[LiveQuery, None] = {}
        self.asked = 0
        self.applied: float = 0
        self.task: Any = None
        self._limit = limit
        self.needs = Needs(limit)
        self._indexes: list[TableIndex[LiveQuery]] = [TableIndex() for _ in sources]
        self._holders: dict[Id, dict[LiveQuery, None]] = {}
        self.waiters: list[Any] = []

    def add(self, query: LiveQuery) -> None:
        """Have a query found by what changes from now on."""
        member = _member(query)
        self.queries[query] = None
        for source, index in zip(query.plan.sources, self._indexes, strict=True):
            index.add(query, source.condition)
        self.owners.add(query, member)
        if self.unsliced is not None and member.unsliced is not None:
            self.unsliced.add(query, member.unsliced)

    def discard(self, query: LiveQuery) -> None:
        """Forget a query."""
        if query not in self.queries:
            return
        del self.queries[query]
        self.loading.pop(query, None)
        for source, index in zip(query.plan.sources, self._indexes, strict=True):
            index.discard(query, source.condition)
        self.owners.discard(query)
        if self.unsliced is not None:
            self.unsliced.discard(query)
        for identity in query.documents:
            drop(self._holders, identity, query)
        if not self.queries:
            self.wake()

    def changed(self, number: int, rows: Iterable[RowPair] | None, xid: int) -> None:
        """Take in changes of a source's rows; None: they are not known."""
        source, index = self.sources[number], self._indexes[number]
        if rows is None:
            self._want(number, None, None, xid)
            return
        for old, new in rows:
            images = [image for image in (old, new) if image is not None]
            if not _is_read(source, old, new):
                continue
            queries = None if index.has_unindexed else _fulfilled(index, number, images)
            if queries is None or queries:
                by_document = self.batch.keyed or (queries is None and self.unsliced is not None)
                values = _values(source, images) if by_document else None
                self._want(number, values, queries, xid)

    def _want(
        self, source: int, values: list[str] | None, queries: list[LiveQuery] | None, xid: int
    ) -> None:
        concerned = self.loading if queries is None else [q for q in queries if q in self.loading]
        for query in concerned:
            if query.pending is not None:
                query.pending.add(xid, (source, values))
        if queries is not None:
            queries = [q for q in queries if q not in self.loading and not q.sees(xid)]
        if queries is None or queries:
            self.needs.add(source, values, queries)

    def took(self, query: LiveQuery, changes: Changes, kept: Iterable[Any], position: int) -> None:
        """A query has been run by itself at a place; `kept` is what its snapshot does not see."""
        query.joined = self.asked
        self.note(query, changes)
        for source, values in kept:
            self.needs.add(source, values, [query])
            self.needs.since = min(self.needs.since, position)

    def note(self, query: LiveQuery, changes: Changes) -> None:
        """Documents have come to a query, or left it."""
        for identity, (before, after) in changes.items():
            if before is None:
                self._holders.setdefault(identity, {})[query] = None
            elif after is None:
                drop(self._holders, identity, query)

    def take(self) -> list[Asked]:
        """What to ask now, each with the queries concerned; None: all that are in the group."""
        needs, self.needs = self.needs, Needs(self._limit)
        self.applied = min(self.applied, needs.since)
        self.asked += 1
        if needs.all_whole:
            needs.whole.update(self.queries)
            needs.everyone = Starts()
        if not self.batch.keyed:
            needs.whole.update(needs.queries)
            needs.queries = {}
        questions: list[Asked] = []
        if needs.everyone.count:
            owners = self.unsliced or self.owners
            questions.append((owners.question(self._found(needs.everyone), None), None))
        some = [query for query in needs.queries if query in self.queries]
        if some:
            questions.append((self.owners.question(self._found(needs.some), some), some))
        return [*questions, *self.whole(needs.whole)]

    def whole(self, queries: Iterable[LiveQuery]) -> list[Asked]:
        """What to ask about whole results."""
        still = [query for query in queries if query in self.queries]
        chunks = [still[at : at + WHOLE_AT_ONCE] for at in range(0, len(still), WHOLE_AT_ONCE)]
        return [(self.owners.question(None, chunk), chunk) for chunk in chunks]

    def concerned(self, question: Question, answer: Answer) -> dict[LiveQuery, None]:
        """The queries whose slices documents have come into, moved within, or left."""
        assert self.unsliced is not None, "only slices are asked about in two steps"
        found: dict[LiveQuery, None] = {}
        for identity in answer.concerned or ():
            found.update(dict.fromkeys(self.holders(identity)))
        for document in answer.found:
            found.update(dict.fromkeys(self.unsliced.of(question, document)))
        return found

    def _found(self, starts: Starts) -> list[tuple[Source, list[str]]]:
        return [(self.sources[number], [*values]) for number, values in starts.values.items()]

    def holders(self, identity: Id) -> list[LiveQuery]:
        """The queries that had a document so far."""
        return list(self._holders.get(identity, ()))

    def is_behind(self, position: int) -> bool:
        """Is something before a place in the stream still to be asked?"""
        busy = self.queries and (self.needs or self.task is not None)
        return bool(busy) and min(self.applied, self.needs.since) < position

    def wake(self) -> None:
        """Something that `is_behind` looks at is another now."""
        waiters, self.waiters = self.waiters, []
        for future in waiters:
            if not future.done():
                future.set_result(None)


def _member(query: LiveQuery) -> Member:
    member = query.plan.member
    assert member is not None, "only queries that are asked with others have a group"
    return member


def _is_read(source: Source, old: Row | None, new: Row | None) -> bool:
    """Does an UPDATE change a column that is read at this source?"""
    if old is None or new is None or source.columns is None:
        return True
    try:
        return any(not is_same(old[column], new[column]) for column in source.columns)
    except KeyError:
        return True  # of a column that is hidden, changes tell nothing


def _values(source: Source, images: list[Row]) -> list[str] | None:
    """What the path to the documents begins with; None: there is no path."""
    if source.path is None:
        return None
    try:
        values = [image[source.start] for image in images]
    except KeyError:
        return None
    return [as_text(value) for value in values if value is not None]


def _fulfilled(index: TableIndex[LiveQuery], number: int, images: list[Row]) -> list[LiveQuery]:
    """The queries whose condition on this source one of the images fulfils."""
    return [query for query in index.candidates(images) if _matters(query, number, images)]


def _matters(query: LiveQuery, number: int, images: list[Row]) -> bool:
    condition = query.plan.sources[number].condition
    try:
        return condition is None or any(condition.test(image) is True for image in images)
    except Unsure:
        return True
