"""Conditions evaluated in Python on the JSON image of one row, as PostgreSQL would.

A test returns True, False or None (SQL's unknown); a row is in the result only for True.
A test raises `Unsure` for values it cannot compare exactly as PostgreSQL does: then the
database must be asked.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

Row = Mapping[str, Any]
Test = Callable[[Row], bool | None]
Convert = Callable[[Any], Any]

ORDERINGS: dict[str, Callable[[Any, Any], bool]] = {
    "gt": operator.gt,
    "gte": operator.ge,
    "lt": operator.lt,
    "lte": operator.le,
}


class Unsure(Exception):
    """Python cannot decide this row as PostgreSQL would."""


@dataclass(frozen=True, slots=True)
class Term:
    """`column = one of values` must hold for a row to be in the result; usable as an index key."""

    column: str
    convert: Convert
    values: frozenset[Any]


@dataclass(frozen=True, slots=True)
class Condition:
    """A decidable condition: the test, the terms that every matching row fulfils, its columns."""

    test: Test
    terms: tuple[Term, ...]
    columns: frozenset[str]

    def decides(self, row: Row) -> bool:
        """Does this image have all columns that are tested? Hidden ones change unseen."""
        return self.columns <= row.keys()


def always(_row: Row) -> bool | None:
    """The condition of a queryset without filters."""
    return True


def one_of(column: str, convert: Convert, values: frozenset[Any]) -> Condition:
    """`column IN (values)`, and `column = value` for a single one."""

    def test(row: Row) -> bool | None:
        value = _present(row, column)
        return None if value is None else convert(value) in values

    return Condition(test, (Term(column, convert, values),), frozenset([column]))


def ordering(column: str, convert: Convert, lookup: str, bound: Any) -> Condition:
    """`column > bound` and its like; lookup is one of `ORDERINGS`."""
    compare = ORDERINGS[lookup]

    def test(row: Row) -> bool | None:
        value = _present(row, column)
        return None if value is None else compare(convert(value), bound)

    return Condition(test, (), frozenset([column]))


def is_null(column: str, expected: bool) -> Condition:
    """`column IS NULL`, or IS NOT NULL: never unknown."""

    def test(row: Row) -> bool | None:
        return (_present(row, column) is None) is expected

    return Condition(test, (), frozenset([column]))


def all_of(parts: Sequence[Condition]) -> Condition:
    """AND in SQL's three-valued logic; each part's terms hold for the whole."""
    if len(parts) == 1:
        return parts[0]
    terms = tuple(term for part in parts for term in part.terms)
    return Condition(_joined(parts, decisive=False), terms, _columns(parts))


def any_of(parts: Sequence[Condition]) -> Condition:
    """OR in SQL's three-valued logic."""
    if len(parts) == 1:
        return parts[0]
    return Condition(_joined(parts, decisive=True), (), _columns(parts))


def _joined(parts: Sequence[Condition], decisive: bool) -> Test:
    """One part with the decisive value decides; else unknown is stronger than its opposite."""
    tests = [part.test for part in parts]

    def test(row: Row) -> bool | None:
        result: bool | None = not decisive
        for each in tests:
            value = each(row)
            if value is decisive:
                return decisive
            if value is None:
                result = None
        return result

    return test


def negation(part: Condition) -> Condition:
    """NOT in SQL's three-valued logic: unknown stays unknown."""

    def test(row: Row) -> bool | None:
        value = part.test(row)
        return None if value is None else not value

    return Condition(test, (), part.columns)


def _columns(parts: Sequence[Condition]) -> frozenset[str]:
    return frozenset(column for part in parts for column in part.columns)


def _present(row: Row, column: str) -> Any:
    try:
        return row[column]
    except KeyError:
        raise Unsure(column) from None
