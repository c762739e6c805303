"""How all live queries of one shape are asked at once.

Queries of one shape differ in their parameters only. Top-level conditions `column = constant` on
plain columns (`terms`) are left out and their columns selected instead: what the result says there
tells whose document it is (the inverse query). The other parameters are data: one row of a table
`p` for each combination in use.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from typing import Any, NamedTuple, cast
from weakref import WeakValueDictionary

from django.db import connections
from django.db.models.expressions import Col
from django.db.models.sql import Query
from django.db.models.sql.where import AND, WhereNode

from dddp.livequery import catalog
from dddp.livequery.conditions import constant
from dddp.livequery.document import Shape
from dddp.livequery.keys import document_key, is_local, key_column
from dddp.livequery.plan import Batch, Layout, Member, TermColumn
from dddp.livequery.predicates import Convert, Term
from dddp.livequery.template import Hole, Template, frozen
from dddp.livequery.walk import conjuncts

MANY_SHAPES = 4096

# As long as they are in use: clients decide how many parameters they have.
_batches: WeakValueDictionary[Any, Batch] = WeakValueDictionary()


def member_of(
    query: Query,
    sql: str,
    params: tuple[Any, ...],
    layout: Layout,
    columns: tuple[str, ...],
    using: str,
) -> Member | None:
    """A compiled query (`sql`, `params`) as one of those of its shape; None: it stands alone.

    Args:
        columns: attnames of the columns it selects, if these are all.
    """
    if not is_local(cast(Any, query.model)):
        return None
    if not _is_keyed(query):
        if layout.objects is not None:
            return None
        return _member(
            query, [], (sql, params), layout, using, unsliced=_unsliced(query, layout, using)
        )
    docs = "" if query.annotations else _documents(query, columns, using)
    if layout.objects is not None and not docs:
        return None
    return _asked(query, docs, layout, using)


def _asked(query: Query, docs: str, layout: Layout, using: str) -> Member:
    """A query that can be asked about some documents."""
    terms = _terms(query, using) if docs else []
    inner = _pairs(query, terms, using) if docs else _restricted(query, using)
    return _member(query, terms, inner, layout, using, docs, keyed=True)


def _unsliced(query: Query, layout: Layout, using: str) -> Member | None:
    """Who may have a document, whatever its place.

    Behind an offset that does not do: a document that was before it, and leaves, moves all others.
    """
    if not query.is_sliced or query.low_mark:
        return None
    whole = query.clone()
    whole.clear_limits()
    whole.clear_ordering(force=True)
    if not _is_keyed(whole):
        return None
    bare = Shape(layout.shape.collection, key_column(query), ())
    if query.annotations:
        rows = Layout(bare, layout.width, layout.pk_place, order=(), related="")
        return _asked(whole, "", rows, using)
    ids = "SELECT k.pk WHERE k.pk IS NOT NULL"
    return _asked(whole, ids, Layout(bare, width=1, pk_place=0, order=(), related=""), using)


def _member(
    query: Query,
    terms: list[Constant],
    compiled: tuple[str, tuple[Any, ...]],
    layout: Layout,
    using: str,
    docs: str = "",
    keyed: bool = False,
    unsliced: Member | None = None,
) -> Member:
    inner = Template(*compiled)
    names = tuple((term.alias, term.term.column) for term in terms)
    constants = frozen_all(inner.constants, using)
    objects = (layout.objects.serialize, layout.objects.prefetched) if layout.objects else None
    other = unsliced.batch.key if unsliced else None
    rows = (layout.shape, docs, compiled[0], names, objects)
    key = (using, rows, tuple(inner.kinds), constants, other)
    batch = _batches.get(key)
    if batch is None:
        chosen = tuple(
            _column(query, term.alias, term.term.column, term.term.convert, using) for term in terms
        )
        pk = _column(query, query.get_initial_alias(), key_column(query), str, using)
        batch = Batch(key, using, inner, docs, keyed, pk, chosen, layout)
        _batches[key] = batch
    values = tuple(value for term in terms for value in term.term.values)
    data_key = frozen_all(inner.data, using)
    return Member(batch, tuple(inner.data), data_key, values, unsliced)


def frozen_all(params: Iterable[Any], using: str) -> tuple[Any, ...]:
    """Hashable stand-ins of parameters, which are equal only for those of equal effect."""
    write: Any = connections[using].ops
    return tuple(
        frozen(each, lambda value: str(write.compose_sql("%s", [value]))) for each in params
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
    """The terms' columns and the documents' key of all rows that fulfil the rest."""
    pairs = query.clone()
    left_out = [term.lookup for term in terms]
    pairs.clear_deferred_loading()
    pairs.clear_select_clause()
    pk = Col(query.get_initial_alias(), cast(Any, document_key(cast(Any, query.model))))
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


def _documents(query: Query, columns: tuple[str, ...], using: str) -> str:
    """SQL of the document whose primary key is `k.pk`, with the columns that the query selects.

    "" if the model alone does not give them.
    """
    names, deferred = query.deferred_loading
    sql, selected = _plain_documents(query.model, frozenset(names), deferred, using)
    return sql if selected == columns else ""


@lru_cache(maxsize=MANY_SHAPES)
def _plain_documents(
    model: Any, names: frozenset[str], deferred: bool, using: str
) -> tuple[str, tuple[str, ...]]:
    """The SQL, and the attnames of what it selects."""
    plain = Query(model)
    plain.deferred_loading = (names, deferred)
    plain.clear_ordering(force=True)
    plain.where = WhereNode(children=cast(Any, [Hole("pk")]))
    compiler = plain.get_compiler(using)
    sql, params = compiler.as_sql()
    if params:
        return "", ()
    pk = _quoted(plain, plain.get_initial_alias(), key_column(plain), using)
    selected = tuple(expression.target.attname for expression, _, _ in compiler.select)
    return str(sql).replace("<<dddp pk>>", f"{pk} = k.pk"), selected


def _column(
    query: Query, alias: str | None, column: str, convert: Convert, using: str
) -> TermColumn:
    columns = catalog.columns_of(using, query.alias_map[cast(str, alias)].table_name)
    return TermColumn(_quoted(query, alias, column, using), columns[column].type, convert)


def _quoted(query: Query, alias: str | None, column: str, using: str) -> str:
    compiler = query.get_compiler(using)
    return f"{compiler.quote_name_unless_alias(alias)}.{connections[using].ops.quote_name(column)}"
