"""Which live queries a row can concern, without looking at the others.

A query with a term (`column = one of values`) is found by the column's value in the row; the
queries without any are found always. So ten thousand queries that differ in a value cost one
dictionary access per column and row image.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable
from typing import Any, Generic, TypeVar

from dddp.livequery.predicates import Condition, Convert, Row, Term, Unsure

Q = TypeVar("Q", bound=Hashable)

_NONE: dict[Any, None] = {}


class TableIndex(Generic[Q]):
    """The decidable queries on one table."""

    __slots__ = ("_columns", "_unindexed")

    def __init__(self) -> None:
        self._columns: dict[tuple[str, Convert], dict[Any, dict[Q, None]]] = {}
        self._unindexed: dict[Q, None] = {}

    @property
    def has_unindexed(self) -> bool:
        """Are there queries that every row may concern?"""
        return bool(self._unindexed)

    def add(self, query: Q, condition: Condition | None) -> None:
        """Find this query from now on; by every row, if it has no condition."""
        for bucket in self._buckets(condition):
            bucket[query] = None

    def discard(self, query: Q, condition: Condition | None) -> None:
        """Forget a query added with the same condition."""
        term = best_term(condition)
        if term is None:
            self._unindexed.pop(query, None)
            return
        values = self._columns.get((term.column, term.convert), {})
        for value in term.values:
            bucket = values.get(value)
            if bucket is not None:
                bucket.pop(query, None)
                if not bucket:
                    del values[value]
        if not values:
            self._columns.pop((term.column, term.convert), None)

    def candidates(self, images: Iterable[Row]) -> dict[Q, None]:
        """The queries that any of these row images may belong to."""
        found = dict(self._unindexed)
        for (column, convert), values in self._columns.items():
            for image in images:
                try:
                    value = image[column]
                    if value is not None:
                        found.update(values.get(convert(value), _NONE))
                except (KeyError, Unsure):
                    for bucket in values.values():
                        found.update(bucket)
        return found

    def __bool__(self) -> bool:
        return bool(self._columns or self._unindexed)

    def _buckets(self, condition: Condition | None) -> Iterable[dict[Q, None]]:
        term = best_term(condition)
        if term is None:
            return [self._unindexed]
        values = self._columns.setdefault((term.column, term.convert), {})
        return [values.setdefault(value, {}) for value in term.values]


def best_term(condition: Condition | None) -> Term | None:
    """The term with the fewest values: the most selective guess, and the least to keep."""
    terms = condition.terms if condition is not None else ()
    return min(terms, key=lambda term: len(term.values), default=None)
