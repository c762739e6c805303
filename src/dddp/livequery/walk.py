"""A walk over everything a compiled query is made of: its tables, and what cannot be live."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from django.core.exceptions import FieldError
from django.db.models import Model
from django.db.models.expressions import RawSQL
from django.db.models.functions import Now, Random
from django.db.models.sql import Query
from django.db.models.sql.where import AND, ExtraWhere, WhereNode

from dddp.exceptions import QueryNotLive

REFUSED = {
    Random: "a random order or value is another one each time",
    Now: "the database's clock moves on without any change; pass django.utils.timezone.now()",
    RawSQL: "the tables that raw SQL reads are not known; write it with expressions",
}
RANDOM = "It uses order_by('?'): a random order is another one each time."
EXTRA = "It uses extra(): write that part with expressions."


def tables_of(query: Query) -> frozenset[str]:
    """The tables that a query's result depends on; compile it first, which adds the last joins.

    Raises:
        QueryNotLive: it holds something whose result changes without a change of a table.
    """
    found: set[str] = set()
    for node in _all_parts(query):
        if isinstance(node, Query):
            if node.model is not None and "?" in _ordering(node):
                raise QueryNotLive(RANDOM)
            found.update(_own_tables(node))
        else:
            refuse(node)
    return frozenset(found)


def is_plain(query: Query) -> bool:
    """Is it made of Django's own expressions, whose SQL is the same whenever they are compiled?"""
    parts = (type(node) for node in _all_parts(query) if hasattr(node, "as_sql"))
    return all(kind.__module__.startswith("django.") for kind in parts)


def _all_parts(query: Query) -> Iterator[Any]:
    """The query itself, and all that is in it."""
    seen: set[int] = set()
    pending: list[Any] = [query]
    while pending:
        node = pending.pop()
        if node is None or isinstance(node, str | type) or id(node) in seen:
            continue
        seen.add(id(node))
        yield node
        is_query = isinstance(node, Query)
        pending.extend(parts_of_query(node) if is_query else parts_of_expression(node))


def refuse(node: Any) -> None:
    """Raise QueryNotLive for an expression that cannot be live."""
    for kind, why in REFUSED.items():
        if isinstance(node, kind):
            raise QueryNotLive(f"It uses {kind.__name__}: {why}.")
    if isinstance(node, ExtraWhere):
        raise QueryNotLive(EXTRA)


def _own_tables(query: Query) -> Iterator[str]:
    if query.extra or query.extra_tables:
        raise QueryNotLive(EXTRA)
    # Some of these joins are not in the SQL, but reference counts do not tell which: compilers add
    # joins and take their counts back. A table too many costs time, one too few is wrong.
    for source in query.alias_map.values():
        if source.table_name:
            yield source.table_name
    yield from unlisted_tables(query)


def unlisted_tables(query: Query) -> set[str]:
    """Tables of which no alias tells, of a part of a combined query.

    Parts are copied before they are compiled: joins that compiling adds, for parents and for the
    order, are not seen.
    """
    if query.model is None:
        return set()
    ordering = _ordering_tables(query, query.model, _ordering(query), set())
    listed = {source.table_name for source in query.alias_map.values()}
    return {*model_tables(query.model), *ordering} - listed


def conjuncts(where: Any) -> Iterator[Any]:
    """The parts of a WHERE clause that every row of the result fulfils."""
    if not isinstance(where, WhereNode):
        yield where
    elif where.connector == AND and not where.negated:
        for child in where.children:
            yield from conjuncts(child)
    else:
        yield where


def model_tables(model: type[Model]) -> set[str]:
    """A model's own table and, with multi-table inheritance, those of its parents."""
    related = [model, *model._meta.get_parent_list()]
    return {each._meta.db_table for each in related if not each._meta.abstract}


def _ordering(query: Query) -> Iterable[Any]:
    if query.order_by:
        return query.order_by
    return (query.get_meta().ordering or ()) if query.default_ordering else ()


def _ordering_tables(
    query: Query, model: type[Model], names: Iterable[Any], seen: set[type[Model]]
) -> Iterator[str]:
    """The tables that `order_by("author__name")` joins; a relation alone leads to its ordering."""
    if model in seen:
        return
    seen.add(model)
    for name in names:
        if not isinstance(name, str) or name.lstrip("-+") in query.annotations:
            continue
        parts = name.lstrip("-+").split("__")
        try:
            path, field, _, _ = query.names_to_path(parts, model._meta, fail_on_missing=False)
        except FieldError:
            continue
        for step in path:
            yield step.to_opts.db_table
        if path and field.is_relation:
            target = path[-1].to_opts.model
            yield from _ordering_tables(query, target, target._meta.ordering, seen)


def parts_of_query(query: Query) -> Iterator[Any]:
    """What a query is made of, but for its tables."""
    yield query.where
    yield from query.annotations.values()
    yield from query.combined_queries
    yield from query.order_by
    yield from query.extra_order_by
    if isinstance(query.select, tuple):
        yield from query.select
    if isinstance(query.group_by, tuple):
        yield from query.group_by
    for source in query.alias_map.values():
        filtered = getattr(source, "filtered_relation", None)
        if filtered is not None:
            yield filtered.condition
            yield getattr(filtered, "resolved_condition", None)


def parts_of_expression(node: Any) -> Iterator[Any]:
    """What an expression, a lookup or a WHERE clause is made of."""
    if isinstance(node, list | tuple | set | frozenset):
        yield from node
        return
    yield from getattr(node, "children", ())
    yield getattr(node, "query", None)
    for name in ("lhs", "rhs"):
        yield getattr(node, name, None)
    expressions = getattr(node, "get_source_expressions", None)
    if expressions is not None and not isinstance(node, Model):
        yield from expressions()
