"""Which live queries depend on which tables."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from dddp.livequery.group import Group
from dddp.livequery.index import TableIndex
from dddp.livequery.plan import Member, Source
from dddp.livequery.query import LiveQuery


@dataclass(slots=True)
class Dependents:
    """The live queries that read one table.

    Attributes:
        pk: column of the documents' key; "" while no query publishes the table's rows.
        asking: queries that have to be run again when anything in the table changes.
        groups: queries that are asked together, and the number of the source.
        deciding: queries decided from the changed row.
        index: finds among the latter.
    """

    pk: str = ""
    asking: dict[LiveQuery, None] = field(default_factory=dict)
    groups: dict[tuple[Group, int], None] = field(default_factory=dict)
    deciding: dict[LiveQuery, None] = field(default_factory=dict)
    index: TableIndex[LiveQuery] = field(default_factory=TableIndex)


class Tables:
    """`Dependents` by table, and the groups.

    Args:
        limit: values kept for a group's next question; beyond, it is about whole results.
    """

    def __init__(self, limit: int) -> None:
        self._tables: dict[str, Dependents] = {}
        self._groups: dict[Any, Group] = {}
        self._limit = limit

    def get(self, table: str) -> Dependents | None:
        """Who reads the table; None: nobody."""
        return self._tables.get(table)

    def add(self, query: LiveQuery) -> None:
        """Have a query found by changes of its tables."""
        plan = query.plan
        if plan.member is not None:
            query.group = self._group(plan.member, plan.sources)
            query.group.add(query)
            return
        for table in plan.tables:
            entry = self._tables.setdefault(table, Dependents())
            if plan.condition is None or entry.pk not in ("", plan.shape.pk):
                entry.asking[query] = None  # a table of two models may have two keys
            else:
                entry.pk = plan.shape.pk
                entry.deciding[query] = None
                entry.index.add(query, plan.condition)

    def _group(self, member: Member, sources: tuple[Source, ...]) -> Group:
        group = self._groups.get(member.batch.key)
        if group is None:
            group = self._groups[member.batch.key] = Group(member, sources, self._limit)
            for number, source in enumerate(sources):
                self._tables.setdefault(source.table, Dependents()).groups[group, number] = None
        return group

    def discard(self, query: LiveQuery) -> None:
        """Forget a query."""
        plan, group = query.plan, query.group
        if group is not None:
            self._discard_from(group, query)
            return
        for table in plan.tables:
            entry = self._tables.get(table)
            if entry is None:
                continue
            entry.asking.pop(query, None)
            if plan.condition is not None and query in entry.deciding:
                del entry.deciding[query]
                entry.index.discard(query, plan.condition)
            self._tidy(table, entry)

    def _discard_from(self, group: Group, query: LiveQuery) -> None:
        query.group = None
        group.discard(query)
        if group.queries:
            return
        del self._groups[group.batch.key]
        for number, source in enumerate(group.sources):
            entry = self._tables[source.table]
            del entry.groups[group, number]
            self._tidy(source.table, entry)

    def _tidy(self, table: str, entry: Dependents) -> None:
        if not (entry.asking or entry.groups or entry.deciding):
            self._tables.pop(table, None)
