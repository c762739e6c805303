"""Which live queries depend on which tables."""

from __future__ import annotations

from dataclasses import dataclass, field

from dddp.livequery.index import TableIndex
from dddp.livequery.query import LiveQuery


@dataclass(slots=True)
class Dependents:
    """The live queries that read one table.

    Attributes:
        pk: the table's primary key column; "" while no query publishes its rows.
        asking: queries that have to be run again when anything in the table changes.
        deciding: queries decided from the changed row.
        index: finds among the latter.
    """

    pk: str = ""
    asking: dict[LiveQuery, None] = field(default_factory=dict)
    deciding: dict[LiveQuery, None] = field(default_factory=dict)
    index: TableIndex[LiveQuery] = field(default_factory=TableIndex)


class Tables:
    """`Dependents` by table."""

    def __init__(self) -> None:
        self._tables: dict[str, Dependents] = {}

    def get(self, table: str) -> Dependents | None:
        """Who reads the table; None: nobody."""
        return self._tables.get(table)

    def add(self, query: LiveQuery) -> None:
        """Have a query found by changes of its tables."""
        plan = query.plan
        for table in plan.tables:
            entry = self._tables.setdefault(table, Dependents())
            if plan.condition is None:
                entry.asking[query] = None
            else:
                entry.pk = plan.shape.pk
                entry.deciding[query] = None
                entry.index.add(query, plan.condition)

    def discard(self, query: LiveQuery) -> None:
        """Forget a query."""
        plan = query.plan
        for table in plan.tables:
            entry = self._tables.get(table)
            if entry is None:
                continue
            entry.asking.pop(query, None)
            if plan.condition is not None and query in entry.deciding:
                del entry.deciding[query]
                entry.index.discard(query, plan.condition)
            if not entry.asking and not entry.deciding:
                del self._tables[table]
