"""What a transaction did to each row, whatever the order its statements were reported in.

Writes nested in row triggers are reported before the statement that caused them, so the last
message of a transaction need not hold the last state. The multiset of old and new images does:
a row's state before is the old image that is no new image, and after, the new one that is no old.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple

import msgspec

from dddp.livequery.predicates import Row

Image = Row

RowPair = tuple[Image | None, Image | None]
"""A row before and after a statement."""


class RowChange(NamedTuple):
    """One row before and after a transaction; None where it did not exist.

    Both are None if the row ends as it began, and if that is not certain: its columns may have
    been altered in between. `between` are its states within the transaction: part of a
    transaction may have been applied before the rest was received.
    """

    old: Image | None
    new: Image | None
    between: tuple[Image, ...] = ()
    certain: bool = True

    @property
    def images(self) -> list[Image]:
        """Every state the row had."""
        return [image for image in (self.old, self.new, *self.between) if image is not None]


class Images:
    """The old and new images of one table that one transaction has reported so far."""

    __slots__ = ("_news", "_olds", "_pk")

    def __init__(self, pk: str) -> None:
        self._pk = pk
        self._olds: dict[Any, list[Image]] = {}
        self._news: dict[Any, list[Image]] = {}

    def add(self, operation: str, rows: Iterable[Sequence[Image]]) -> None:
        """Take in rows as reported: [new] of an INSERT, [new, old] of an UPDATE, [old]."""
        for row in rows:
            if operation != "D":
                self._news.setdefault(row[0][self._pk], []).append(row[0])
            if operation != "I":
                self._olds.setdefault(row[-1][self._pk], []).append(row[-1])

    def net(self) -> Iterator[RowChange]:
        """Each row touched, once, with its state before and after the transaction."""
        for pk in {**self._olds, **self._news}:
            yield _net_row(self._olds.get(pk, ()), self._news.get(pk, ()))


def net_changes(pk: str, operation: str, rows: Sequence[Sequence[Image]]) -> list[RowChange]:
    """The rows of one statement: as `Images` would say, and three times as fast for new rows
    and single ones."""
    if operation == "I":
        return [RowChange(None, row[0]) for row in rows]
    if operation == "D":
        return [RowChange(row[0], None) for row in rows]
    if len(rows) == 1:
        new, old = rows[0]
        if new[pk] == old[pk] and not is_same(new, old):
            return [RowChange(old, new)]
    images = Images(pk)
    images.add(operation, rows)
    return list(images.net())


def _net_row(olds: Sequence[Image], news: Sequence[Image]) -> RowChange:
    if not olds or not news:
        before, after = list(olds), list(news)
    else:
        before, after = _minus(olds, news), _minus(news, olds)
    if len(before) > 1 or len(after) > 1:
        return RowChange(None, None, (*olds, *news), certain=False)
    old, new = before[0] if before else None, after[0] if after else None
    return RowChange(old, new, tuple(news) if len(olds) + len(news) > 2 or not after else ())


def _minus(left: Sequence[Image], right: Sequence[Image]) -> list[Image]:
    rest = list(right)
    kept: list[Image] = []
    for image in left:
        for place, other in enumerate(rest):
            if is_same(image, other):
                del rest[place]
                break
        else:
            kept.append(image)
    return kept


def is_same(one: Any, other: Any) -> bool:
    """Are two images, or values of images, equal? In a JSON column true is not 1, nor 1.0."""
    return bool(one == other and msgspec.json.encode(one) == msgspec.json.encode(other))
