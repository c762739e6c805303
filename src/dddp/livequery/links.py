"""The equalities that tie the parts of a compiled query together."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from django.db.models.expressions import Col
from django.db.models.lookups import Exact, In, Lookup
from django.db.models.sql import Query
from django.db.models.sql.constants import LOUTER
from django.db.models.sql.datastructures import Join
from django.db.models.sql.where import WhereNode

from dddp.livequery import catalog
from dddp.livequery.walk import (
    conjuncts,
    parts_of_expression,
    parts_of_query,
    unlisted_tables,
)


class Node:
    """An alias of one of the queries that make up a query."""

    __slots__ = ("alias", "query")

    def __init__(self, query: Query, alias: str) -> None:
        self.query = query
        self.alias = alias

    @property
    def table(self) -> str:
        """Name of its table."""
        return str(self.query.alias_map[self.alias].table_name)

    @property
    def is_join(self) -> bool:
        """Is it joined to another alias, or the first of its query?"""
        return isinstance(self.query.alias_map[self.alias], Join)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Node) and (self.query, self.alias) == (other.query, other.alias)

    def __hash__(self) -> int:
        return hash((id(self.query), self.alias))


@dataclass(frozen=True, slots=True)
class Link:
    """`column` of a node (of `table`) = `other_column` of the other node."""

    table: str
    column: str
    other: Node
    other_column: str


@dataclass(frozen=True, slots=True)
class Nested:
    """A query within a query.

    Attributes:
        scope: the queries around it, outermost first.
        membership: the lookup `x IN (this)`; None where it is used otherwise.
        plain: if that is unknown, it is as good as false: no NOT is above it.
    """

    query: Query
    scope: tuple[Query, ...] = ()
    membership: In | None = None
    plain: bool = False


def links_of(query: Query, using: str) -> tuple[list[Node], dict[Node, list[Link]], bool]:
    """All aliases, the links from each, and whether there is nothing but these aliases."""
    nodes: list[Node] = []
    links: dict[Node, list[Link]] = defaultdict(list)
    complete = True
    for nested in queries_in(query):
        inner = nested.query
        complete = complete and not unlisted_tables(inner)
        for alias, source in inner.alias_map.items():
            if source.table_name:
                nodes.append(Node(inner, alias))
        for one, its_column, two, column in _equalities(nested, using):
            links[one].append(Link(one.table, its_column, two, column))
            links[two].append(Link(two.table, column, one, its_column))
    return nodes, links, complete


def queries_in(query: Query) -> Iterator[Nested]:
    """The query itself, and all in it."""
    seen: set[int] = set()
    waiting = [Nested(query)]
    while waiting:
        nested = waiting.pop()
        if id(nested.query) in seen:
            continue
        seen.add(id(nested.query))
        yield nested
        scope = (*nested.scope, nested.query)
        for part in parts_of_query(nested.query):
            waiting.extend(_next_queries(part, part is nested.query.where, scope))


def _next_queries(node: Any, plain: bool, scope: tuple[Query, ...]) -> Iterator[Nested]:
    """The queries directly below; `plain`: only ANDs and ORs of a WHERE clause are above."""
    seen: set[int] = set()
    waiting = [(node, plain)]
    while waiting:
        node, plain = waiting.pop()
        if node is None or isinstance(node, str | type) or id(node) in seen:
            continue
        if isinstance(node, Query):
            yield Nested(node, scope)
            continue
        seen.add(id(node))
        if _is_own(node, In) and isinstance(node.rhs, Query):
            yield Nested(node.rhs, scope, node, plain)
            waiting.append((node.lhs, False))
            continue
        below = plain and isinstance(node, WhereNode) and not node.negated
        waiting.extend((part, below) for part in parts_of_expression(node))


def _is_own(lookup: Any, kind: type[Lookup]) -> bool:
    """Is it Django's lookup, and no other's of the same name?"""
    return isinstance(lookup, kind) and type(lookup).__module__.startswith("django.")


def _equalities(nested: Nested, using: str) -> Iterator[tuple[Node, str, Node, str]]:
    query = nested.query
    for alias, source in query.alias_map.items():
        if isinstance(source, Join) and len(source.join_cols) == 1:
            ((left, right),) = source.join_cols
            yield Node(query, source.parent_alias), left, Node(query, alias), right
    for lookup in conjuncts(query.where):
        if _is_own(lookup, Exact) and type(lookup.lhs) is Col and type(lookup.rhs) is Col:
            one, two = _scoped(lookup.lhs, nested), _scoped(lookup.rhs, nested)
            if one is not None and two is not None and one != two:
                yield one, str(lookup.lhs.target.column), two, str(lookup.rhs.target.column)
    yield from _memberships(nested, using)


def _memberships(nested: Nested, using: str) -> Iterator[tuple[Node, str, Node, str]]:
    """`x IN (SELECT y)`: whether it holds depends on the rows with y = x, but for NULLs.

    A NULL among the y, or as x, makes unknown of false; NOT then makes a difference of that.
    """
    lookup, query = nested.membership, nested.query
    if lookup is None or type(lookup.lhs) is not Col or len(query.select) != 1:
        return
    whole = query.is_sliced or query.combinator or query.distinct_fields
    if whole or query.group_by is not None or query.annotation_select:
        return
    left, right = lookup.lhs, query.select[0]
    outer = _scoped(left, Nested(nested.scope[-1], nested.scope[:-1]))
    if outer is None or type(right) is not Col or right.alias not in query.alias_map:
        return
    inner = Node(query, right.alias)
    if nested.plain or (_never_null(outer, left, using) and _never_null(inner, right, using)):
        yield outer, str(left.target.column), inner, str(right.target.column)


def _never_null(node: Node, column: Col, using: str) -> bool:
    source = node.query.alias_map[node.alias]
    known = catalog.columns_of(using, node.table).get(str(column.target.column))
    return bool(known and known.required and getattr(source, "join_type", None) != LOUTER)


def _scoped(column: Col, nested: Nested) -> Node | None:
    """The node that a column belongs to: the innermost query that has its alias."""
    for query in (nested.query, *reversed(nested.scope)):
        if column.alias in query.alias_map:
            return Node(query, column.alias)
    return None
