"""Which transactions a result already contains. PostgreSQL: "Transaction ID and Snapshot Info"."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A `pg_snapshot`.

    Attributes:
        xmin: every transaction below it had ended.
        xmax: no transaction from it on had begun, as far as this snapshot sees.
        running: transactions between the two that had not ended.
    """

    xmin: int
    xmax: int
    running: frozenset[int] = frozenset()

    @classmethod
    def parse(cls, text: str) -> Self:
        """From the text of `pg_current_snapshot()`: `xmin:xmax:xip,...`; ValueError otherwise."""
        xmin, xmax, running = text.split(":")
        return cls(int(xmin), int(xmax), frozenset(int(xid) for xid in running.split(",") if xid))

    def sees(self, xid: int) -> bool:
        """Is a committed transaction (its `pg_current_xact_id()`) in what this snapshot showed?"""
        return xid < self.xmin or (xid < self.xmax and xid not in self.running)
