"""How all live queries of one shape are asked at once.

Queries of one shape differ in their parameters only. Top-level conditions `column = constant` on
plain columns (`terms`) are left out and their columns selected instead: what the result says there
tells whose document it is (the inverse query). The other parameters are data: one row of a table
`p` for each combination in use.
"""

from __future__ import annotations

from typing import Any, NamedTuple, cast

from django.db import connections
from django.db.models.expressions import Col
from django.db.models.sql import Query
from django.db.models.sql.where import AND, WhereNode

from dddp.livequery import catalog
from dddp.livequery.conditions import constant
from dddp.livequery.document import AnyShape
from dddp.livequery.objects import ObjectLoader
from dddp.livequery.plan import Batch, Member, TermColumn
from dddp.livequery.predicates import Term
from dddp.livequery.template import Hole, Template, frozen
from dddp.livequery.walk import conjuncts

MANY_SHAPES = 4096

_batches: dict[Any, Batch] = {}


class Layout(NamedTuple):
    """What a query selects.

    Attributes:
        width: how many columns.
        columns: attname of a model field -> its place.
        pk_place, order: places of the primary key and of the fields of the shape.
        related: SQL of what is selected beside the columns, from a row `q`.
    """

    width: int
    columns: dict[str, int]
    pk_place: int
    order: tuple[int, ...]
    related: str


def member_of(
    query: Query,
    sql: str,
    params: tuple[Any, ...],
    shape: AnyShape,
    layout: Layout,
    objects: ObjectLoader | None,
    using: str,
) -> Member | None:
    """A compiled query (`sql`, `params`) as one of those of its shape; None: it stands alone."""
    keyed = _is_keyed(query)
    docs = _documents(query, layout, using) if keyed and not query.annotations else ""
    if objects is not None and not docs:
        return None
    terms = _terms(query, using) if docs else []
    if docs:
        inner = Template(*_pairs(query, terms, using))
    else:
        inner = Template(*_restricted(query, using)) if keyed else Template(sql, params)
    names = tuple((term.alias, term.term.column) for term in terms)
    constants = tuple(map(frozen, inner.constants))
    serialize = objects.serialize if objects else None
    key = (using, shape, sql, names, tuple(inner.kinds), constants, serialize)
    batch = _batches.get(key)
    if batch is None:
        if len(_batches) > MANY_SHAPES:
            _batches.clear()
        columns = tuple(_term_column(query, term, using) for term in terms)
        batch = _batches[key] = _batch(key, query, inner, columns, docs, shape, layout, objects)
    values = tuple(value for term in terms for value in term.term.values)
    return Member(batch, tuple(inner.data), tuple(map(frozen, inner.data)), values)


def _batch(
    key: tuple[Any, ...],
    query: Query,
    inner: Template,
    terms: tuple[TermColumn, ...],
    docs: str,
    shape: AnyShape,
    layout: Layout,
    objects: ObjectLoader | None,
) -> Batch:
    using = key[0]
    alias, pk = query.get_initial_alias(), str(query.get_meta().pk.column)
    return Batch(
        key=key,
        using=using,
        inner=inner,
        docs=docs,
        keyed=_is_keyed(query),
        width=layout.width,
        pk=TermColumn(_quoted(query, alias, pk, using), _type_of(query, alias, pk, using), str),
        terms=terms,
        shape=shape,
        pk_place=layout.pk_place,
        order=layout.order,
        related=layout.related,
        objects=objects,
    )


def _is_keyed(query: Query) -> bool:
    """Does each row of the result come from one row of the model, whatever the others are?"""
    annotated = any(
        getattr(each, "contains_over_clause", False) for each in query.annotations.values()
    )
    windowed = annotated or query.where.contains_over_clause
    whole = query.is_sliced or query.combinator or query.distinct_fields
    return not (whole or windowed) and query.group_by in (None, True)


class Constant(NamedTuple):
    """A condition `column = constant` that is left out."""

    lookup: Any
    alias: str
    term: Term


def _terms(query: Query, using: str) -> list[Constant]:
    found = []
    for lookup in conjuncts(query.where):
        known = constant(lookup, query, using)
        if known is not None:
            found.append(Constant(lookup, *known))
    return found


def _pairs(query: Query, terms: list[Constant], using: str) -> tuple[str, tuple[Any, ...]]:
    """The terms' columns and the primary key of all rows that fulfil the rest."""
    pairs = query.clone()
    left_out = [term.lookup for term in terms]
    pairs.clear_deferred_loading()
    pairs.clear_select_clause()
    pk = Col(query.get_initial_alias(), query.get_meta().pk)
    pairs.select = (*(lookup.lhs for lookup in left_out), pk)
    pairs.distinct = False
    kept = [part for part in conjuncts(pairs.where) if not any(part is each for each in left_out)]
    holes = [Hole("pks"), *(Hole(f"term{place}") for place in range(len(terms)))]
    pairs.where = WhereNode(children=cast(Any, [*kept, *holes]), connector=AND)
    sql, params = pairs.get_compiler(using).as_sql()
    return sql, tuple(params)


def _restricted(query: Query, using: str) -> tuple[str, tuple[Any, ...]]:
    restricted = query.clone()
    parts: list[Any] = [restricted.where, Hole("pks")]
    restricted.where = WhereNode(children=parts, connector=AND)
    sql, params = restricted.get_compiler(using).as_sql()
    return sql, tuple(params)


def _documents(query: Query, layout: Layout, using: str) -> str:
    """SQL of the document whose primary key is `k.pk`, with the columns that the query selects.

    "" if the model alone does not give them.
    """
    plain = Query(query.model)
    plain.deferred_loading = query.deferred_loading
    plain.clear_ordering(force=True)
    plain.where = WhereNode(children=cast(Any, [Hole("pk")]))
    compiler = plain.get_compiler(using)
    sql, params = compiler.as_sql()
    names = [expression.target.attname for expression, _, _ in compiler.select]
    if params or layout.columns != {name: place for place, name in enumerate(names)}:
        return ""
    pk = _quoted(plain, plain.get_initial_alias(), str(query.get_meta().pk.column), using)
    return str(sql).replace("<<dddp pk>>", f"{pk} = k.pk")


def _term_column(query: Query, term: Constant, using: str) -> TermColumn:
    column = term.term.column
    name, kind = (
        _quoted(query, term.alias, column, using),
        _type_of(query, term.alias, column, using),
    )
    return TermColumn(name, kind, term.term.convert)


def _quoted(query: Query, alias: str | None, column: str, using: str) -> str:
    compiler = query.get_compiler(using)
    return f"{compiler.quote_name_unless_alias(alias)}.{connections[using].ops.quote_name(column)}"


def _type_of(query: Query, alias: str | None, column: str, using: str) -> str:
    columns = catalog.columns_of(using, query.alias_map[cast(str, alias)].table_name)
    return columns[column].type
