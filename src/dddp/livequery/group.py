"""The live queries of one shape that the database decides, asked together."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from dddp.livequery.document import Changes, Id
from dddp.livequery.index import TableIndex
from dddp.livequery.needs import Needs, Starts
from dddp.livequery.netting import RowPair, is_same
from dddp.livequery.plan import Batch, Member, Source
from dddp.livequery.predicates import Row, Unsure
from dddp.livequery.query import LiveQuery
from dddp.livequery.questions import Found, Question
from dddp.livequery.template import as_text

WHOLE_AT_ONCE = 500
"""Queries that are run as a whole in one statement."""


class Group:
    """Queries that differ in their parameters only.

    Attributes:
        needs: what has come in since they were asked last.
        asked: how often they have been asked; a query's `joined` is this when it was loaded.
        applied: place in the stream up to which their documents are complete.
        task: asks; None while there is no need.
        waiters: futures that are done when `is_behind` may have become false.
    """

    def __init__(self, batch: Batch, sources: tuple[Source, ...], limit: int) -> None:
        self.batch = batch
        self.sources = sources
        self.queries: dict[LiveQuery, None] = {}
        self.loading: dict[LiveQuery, None] = {}
        self.asked = 0
        self.applied: float = 0
        self.task: Any = None
        self._limit = limit
        self.needs = Needs(limit)
        self._indexes: list[TableIndex[LiveQuery]] = [TableIndex() for _ in sources]
        self._owners: dict[tuple[Any, ...], dict[LiveQuery, None]] = {}
        self._data: dict[tuple[Any, ...], dict[LiveQuery, None]] = {}
        self._holders: dict[Id, dict[LiveQuery, None]] = {}
        self.waiters: list[Any] = []

    def add(self, query: LiveQuery) -> None:
        """Have a query found by what changes from now on."""
        member = _member(query)
        self.queries[query] = None
        for source, index in zip(query.plan.sources, self._indexes, strict=True):
            index.add(query, source.condition)
        self._owners.setdefault((member.data_key, *member.terms), {})[query] = None
        self._data.setdefault(member.data_key, {})[query] = None

    def discard(self, query: LiveQuery) -> None:
        """Forget a query."""
        member = _member(query)
        if query not in self.queries:
            return
        del self.queries[query]
        self.loading.pop(query, None)
        for source, index in zip(query.plan.sources, self._indexes, strict=True):
            index.discard(query, source.condition)
        _drop(self._owners, (member.data_key, *member.terms), query)
        _drop(self._data, member.data_key, query)
        for identity in query.documents:
            _drop(self._holders, identity, query)
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
                values = _values(source, images) if self.batch.keyed else None
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
                _drop(self._holders, identity, query)

    def take(self) -> list[tuple[Question, list[LiveQuery] | None]]:
        """What to ask now, each with the queries concerned; None: all that are in the group."""
        needs, self.needs = self.needs, Needs(self._limit)
        self.applied = min(self.applied, needs.since)
        self.asked += 1
        questions: list[tuple[Question, list[LiveQuery] | None]] = []
        if needs.all_whole:
            needs.whole.update(self.queries)
            needs.everyone = Starts()
        if needs.everyone.count:
            questions.append((self._question(needs.everyone, None), None))
        some = [query for query in needs.queries if query in self.queries]
        if some:
            questions.append((self._question(needs.some, some), some))
        whole = [query for query in needs.whole if query in self.queries]
        for start in range(0, len(whole), WHOLE_AT_ONCE):
            chunk = whole[start : start + WHOLE_AT_ONCE]
            questions.append((self._question(None, chunk), chunk))
        return questions

    def _question(self, starts: Starts | None, queries: list[LiveQuery] | None) -> Question:
        terms = None
        if queries is None:
            data = {key: _member(next(iter(users))) for key, users in self._data.items()}
        else:
            members = [_member(query) for query in queries]
            data = {member.data_key: member for member in members}
            terms = [
                list({as_text(member.terms[place]): None for member in members})
                for place in range(len(self.batch.terms))
            ]
        found = None
        if starts is not None:
            found = [(self.sources[number], [*v]) for number, v in starts.values.items()]
        return Question(self.batch, found, list(data.values()), terms)

    def owners(self, question: Question, found: Found) -> Iterator[LiveQuery]:
        """The queries that have a document, by the keys that came with it."""
        for number, *terms in found.keys:
            yield from self._owners.get((question.members[number].data_key, *terms), ())

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


def _drop(users: dict[Any, dict[LiveQuery, None]], key: Any, query: LiveQuery) -> None:
    of_key = users.get(key, {})
    of_key.pop(query, None)
    if not of_key:
        users.pop(key, None)


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
