"""The messages of one transaction, put together while they come in."""

from __future__ import annotations

from collections.abc import Sequence

from dddp.changefeed.payload import TableChange
from dddp.livequery.netting import Images, RowChange, RowPair, net_changes


class Transaction:
    """What one transaction has reported so far.

    Its messages come in a row, but reading the socket may end between two of them: what has come
    is applied at once and applied anew, as a whole, when there is more. A row that then ends as
    it began may have been shown in between, and which of its states came first is not known.

    Args:
        xid: its transaction id.
        limit: rows to keep; tables of a larger transaction are to be queried again.

    Attributes:
        touched: tables with news since it was applied last.
        applied: some of it has been applied.
    """

    __slots__ = ("_bulk", "_changes", "_limit", "_rows", "applied", "touched", "xid")

    def __init__(self, xid: int, limit: int) -> None:
        self.xid = xid
        self.touched: set[str] = set()
        self.applied = False
        self._changes: dict[str, list[TableChange]] = {}
        self._bulk: set[str] = set()
        self._limit = limit
        self._rows = 0

    def add(self, change: TableChange) -> None:
        """Take in one message."""
        self.touched.add(change.table)
        if change.rows is None or change.table in self._bulk:
            self._forget(change.table)
            return
        self._rows += len(change.rows)
        if self._rows > self._limit:
            self._forget(change.table)
        else:
            self._changes.setdefault(change.table, []).append(change)

    def rows(self, table: str, pk: str) -> Sequence[RowChange] | None:
        """The net changes of a table's rows so far; None: it must be queried again."""
        if table in self._bulk:
            return None
        try:
            return _net(pk, self._changes[table])
        except KeyError:
            return None  # there are images from before the column was added

    def pairs(self, table: str) -> list[RowPair] | None:
        """Each of a table's rows before and after each statement; None as for `rows`."""
        if table in self._bulk:
            return None
        return [
            (None if change.op == "I" else row[-1], None if change.op == "D" else row[0])
            for change in self._changes[table]
            for row in change.rows or ()
        ]

    def _forget(self, table: str) -> None:
        self._bulk.add(table)
        for change in self._changes.pop(table, ()):
            self._rows -= len(change.rows or ())


def _net(pk: str, changes: Sequence[TableChange]) -> list[RowChange]:
    if len(changes) == 1:
        (change,) = changes
        return net_changes(pk, change.op, change.rows or ())
    images = Images(pk)
    for change in changes:
        images.add(change.op, change.rows or ())
    return list(images.net())
