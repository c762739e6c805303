"""Where the rows of each table come into a query, and which documents a row can concern.

A row takes part in a query at an alias. Equalities that hold wherever it takes part (joins,
correlations of subqueries, `IN (SELECT ...)`) lead from there to the documents: documents that
they do not lead to are the same with and without the row. So what a change can concern is found
by following them from the row's images, before and after; rows in between that have changed as
well speak for themselves.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterable, Iterator, Mapping

from django.db import connections
from django.db.models.sql import Query

from dddp.livequery import catalog
from dddp.livequery.conditions import necessary
from dddp.livequery.keys import key_column
from dddp.livequery.links import Link, Node, links_of
from dddp.livequery.plan import Source, Step
from dddp.livequery.walk import unlisted_tables


def sources_of(query: Query, sql: str, tables: Iterable[str], using: str) -> tuple[Source, ...]:
    """All sources of a compiled query.

    Args:
        sql: its text.
        tables: all that it depends on.
    """
    nodes, links, complete = links_of(query, using)
    paths = _paths(Node(query, query.get_initial_alias()), links, using)
    found = []
    for node in nodes:
        columns = _columns_read(node.alias, sql, using)
        if columns or not node.is_join:
            start, path = paths.get(node, ("", None))
            condition = necessary(node.query, node.alias, using) if complete else None
            found.append(Source(node.table, columns, start, path, condition))
    unlisted = unlisted_tables(query) | (set(tables) - {node.table for node in nodes})
    return (*found, *map(Source, sorted(unlisted)))


def sources_beyond(query: Query, sql: str, using: str) -> Iterator[Source]:
    """The sources of what is read of a query's documents beyond their own columns."""
    nodes, links, _ = links_of(query, using)
    base = Node(query, query.get_initial_alias())
    paths = _paths(base, links, using)
    for node in nodes:
        columns = None if node == base else _columns_read(node.alias, sql, using)
        if columns is None or columns:
            yield Source(node.table, columns, *paths.get(node, ("", None)))


def _columns_read(alias: str, sql: str, using: str) -> frozenset[str]:
    """The columns that the text names of an alias; other subqueries may use the same name."""
    quoted = connections[using].ops.quote_name(alias)
    names = re.findall(rf'(?:{re.escape(quoted)}|\b{re.escape(alias)})\."([^"]+)"', sql)
    return frozenset(name.replace("%%", "%") for name in names)


def _paths(
    base: Node, links: Mapping[Node, list[Link]], using: str
) -> dict[Node, tuple[str, tuple[Step, ...]]]:
    """For each node that leads to documents: the column to begin with, and the way."""
    found: dict[Node, tuple[str, tuple[Step, ...]]] = {base: (key_column(base.query), ())}
    waiting = deque([base])
    while waiting:
        node = waiting.popleft()
        onward, rest = found[node]
        for link in links.get(node, ()):
            ends = (link.table, link.column), (link.other.table, link.other_column)
            kind = common_type(*ends, using)
            if link.other in found or not kind:
                continue
            # Values that are what the way goes on with need no look into the table.
            here = () if link.column == onward else (Step(node.table, link.column, kind, onward),)
            found[link.other] = (link.other_column, here + rest)
            waiting.append(link.other)
    return found


FAMILIES = (
    ("int8", frozenset({"int2", "int4", "int8"})),
    ("text", frozenset({"text", "varchar"})),
)
ALIKE = frozenset({"uuid", "date"})


def common_type(one: tuple[str, str], two: tuple[str, str], using: str) -> str:
    """A type in which the values of two columns are equal iff their texts are; "" for none.

    Args:
        one, two: table and column.
    """
    mine = catalog.columns_of(using, one[0]).get(one[1])
    other = catalog.columns_of(using, two[0]).get(two[1])
    if mine is None or other is None or not (mine.deterministic and other.deterministic):
        return ""
    if mine.virtual or other.virtual:
        return ""
    for common, family in FAMILIES:
        if mine.type in family and other.type in family:
            return common
    return mine.type if mine.type == other.type and mine.type in ALIKE else ""
