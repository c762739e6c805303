"""From a queryset to a `QueryPlan`."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from threading import Lock
from typing import Any, cast

from django.core.exceptions import EmptyResultSet
from django.db import connections
from django.db.models import CompositePrimaryKey, Field, QuerySet
from django.db.models.expressions import Col
from django.db.models.query import ModelIterable
from django.db.models.sql import Query

from dddp.exceptions import QueryNotLive
from dddp.livequery import catalog
from dddp.livequery.batch import frozen_all, member_of
from dddp.livequery.conditions import NotDecidable, condition_of
from dddp.livequery.direct import direct, in_order
from dddp.livequery.document import OpenShape, PublishedField, Shape
from dddp.livequery.encoders import Encoder, encoder_for, list_of, string
from dddp.livequery.objects import ObjectLoader, Objects, path_queryset, prefetched_by
from dddp.livequery.plan import Layout, QueryPlan, Source
from dddp.livequery.predicates import Condition
from dddp.livequery.sources import sources_beyond, sources_of
from dddp.livequery.text import refuse_text
from dddp.livequery.walk import RANDOM, refuse, tables_of


@dataclass(frozen=True, slots=True)
class Selected:
    """What a compiled query selects.

    Attributes:
        columns: attname of a model field -> its place.
        annotations: name -> its place.
        types: type name of each place.
    """

    sql: str
    params: tuple[Any, ...]
    columns: dict[str, int]
    annotations: dict[str, int]
    types: tuple[str, ...]


def analyse(
    queryset: QuerySet[Any],
    collection: str,
    fields: Iterable[Field[Any, Any]],
    using: str,
    objects: Objects | None = None,
) -> QueryPlan:
    """Find out all about publishing a queryset. Asks the catalogue, so call it in a worker thread.

    Args:
        queryset: of model instances.
        collection: the collection's name on the wire.
        fields: the model's fields to publish; `only()` and `defer()` narrow them, annotations
            are added to them.
        objects: makes the documents, in place of `fields`.

    Raises:
        QueryNotLive: with the reason and what to do instead.
    """
    _require_models(queryset, using)
    catalog.columns_of(using, queryset.model._meta.db_table)  # no SQL while others wait
    published = list(fields) if objects is None else []
    query = _prepared(queryset.query)
    compiler = query.get_compiler(using)
    with _COMPILING:
        try:
            sql, params = compiler.as_sql()
        except EmptyResultSet:
            return _nothing(queryset, collection, using)
        tables = tables_of(query)
        condition, reason = _condition(query, compiler, published, using, objects)
    selected = _selected(query, compiler, sql, tuple(params), using)
    layout, many = _layout(query, selected, collection, published, using)
    made_of: Any = None
    if objects is not None:
        loader = _loader(queryset, objects, collection)
        made_of = (objects, loader.prefetched)
        layout = replace(layout, shape=loader.shape, objects=loader)
    statement = _statement(selected, layout)
    plan = QueryPlan(
        key=(using, layout.shape, statement, frozen_all(selected.params, using), made_of),
        using=using,
        sql=statement,
        params=selected.params,
        tables=frozenset([_model(query)._meta.db_table]),
        table=_model(query)._meta.db_table,
        layout=layout,
        condition=condition,
        reason=reason,
    )
    if condition is not None:
        return plan
    refuse_text(sql, tables, using)
    with _COMPILING:
        sources = [*sources_of(query, sql, tables, using), *map(_related_source, many)]
        if objects is not None:
            beyond = path_queryset(_model(query), objects.reads).query
            sources += sources_beyond(beyond, beyond.get_compiler(using).as_sql()[0], using)
        columns = _plain_columns(selected)
        member = member_of(query, sql, selected.params, layout, columns, using)
    tables = frozenset(source.table for source in sources)
    return replace(plan, tables=tables, sources=tuple(sources), member=member)


def _loader(queryset: QuerySet[Any], objects: Objects, collection: str) -> ObjectLoader:
    """Annotations come with the queryset; else objects of all queries are loaded alike."""
    query = queryset.query
    if not query.annotations:
        plain: Any = queryset.model._base_manager.all()
        plain.query.deferred_loading = query.deferred_loading
        plain.query.select_related = query.select_related
        plain._prefetch_related_lookups = cast(Any, queryset)._prefetch_related_lookups
    elif query.is_sliced or query.combinator or query.distinct_fields:
        raise QueryNotLive(
            "It is sliced, combined or distinct, has annotations, and its Collection makes "
            "documents of objects: leave one of these out."
        )
    else:
        plain = queryset.order_by()
    shape = OpenShape(collection, "")
    return ObjectLoader(plain, objects.serialize, shape, prefetched_by(queryset))


def _model(query: Query) -> Any:
    return query.model


def _require_models(queryset: QuerySet[Any], using: str) -> None:
    if not isinstance(queryset, QuerySet):
        raise QueryNotLive(f"{type(queryset).__name__} is not a queryset: raw() cannot be live.")
    if queryset._iterable_class is not ModelIterable:
        raise QueryNotLive("It gives values instead of documents: use only() in place of values().")
    alias = getattr(queryset, "_db", None)
    if alias not in (None, using):
        raise QueryNotLive(f"It is read from {alias!r}, and DDP_DATABASE is {using!r}.")
    if isinstance(queryset.model._meta.pk, CompositePrimaryKey):
        raise QueryNotLive("Its model has a composite primary key, and documents have one id.")


def _prepared(query: Query) -> Query:
    """A copy without what changes nothing about the set of documents."""
    query = query.clone()
    query.select_related = False
    query.select_for_update = False
    query.combined_queries = tuple(map(_prepared, query.combined_queries))
    for order in query.order_by:
        if order == "?":
            raise QueryNotLive(RANDOM)
        refuse(order)
    if not (query.is_sliced or query.distinct_fields or query.combinator):
        query.clear_ordering(clear_default=True)
    return query


def _selected(
    query: Query, compiler: Any, sql: str, params: tuple[Any, ...], using: str
) -> Selected:
    columns: dict[str, int] = {}
    annotations = dict(compiler.annotation_col_map or {})
    for place, (expression, _, _) in enumerate(compiler.select):
        if isinstance(expression, Col) and place not in annotations.values():
            columns[expression.target.attname] = place
    known = catalog.columns_of(using, _model(query)._meta.db_table)
    types = tuple(
        known[expression.target.column].type if _is_own(expression, query, known) else ""
        for expression, _, _ in compiler.select
    )
    if "" in types:
        found = catalog.result_types(using, sql, params)
        types = tuple(_as_django(*pair) for pair in zip(found, compiler.select, strict=True))
    return Selected(sql, params, columns, annotations, types)


def _as_django(type_name: str, selected: tuple[Any, ...]) -> str:
    """PostgreSQL's avg() and sum() give `numeric`; Django makes of it what the expression says."""
    field = getattr(selected[0], "_output_field_or_none", None)
    if type_name != "numeric" or field is None:
        return type_name
    kind = field.get_internal_type()
    if kind == "FloatField":
        return "float8"
    return "int8" if kind.endswith("IntegerField") else "numeric"


def _is_own(expression: Any, query: Query, known: dict[str, catalog.Column]) -> bool:
    own = isinstance(expression, Col) and expression.target.model._meta.db_table
    return bool(own == _model(query)._meta.db_table and expression.target.column in known)


def _layout(
    query: Query,
    selected: Selected,
    collection: str,
    fields: list[Field[Any, Any]],
    using: str,
) -> tuple[Layout, list[Any]]:
    published: list[PublishedField] = []
    order: list[int] = []
    many = [field for field in fields if field.many_to_many and loads(query, field)]
    for field in fields:
        place = selected.columns.get(field.attname)
        if field.many_to_many or place is None:
            continue
        encode = string if field.is_relation else encoder_for(selected.types[place])
        published.append(PublishedField(field.attname, str(field.column), encode))
        order.append(place)
    for name, place in selected.annotations.items():
        published.append(PublishedField(name, "", encoder_for(selected.types[place])))
        order.append(place)
    for extra, field in enumerate(many):
        published.append(PublishedField(f"{field.name}_ids", "", _STRINGS))
        order.append(len(selected.types) + extra)
    pk = _model(query)._meta.pk
    types = selected.types
    ordered, places = in_order(published, order, types)
    shape = Shape(collection, str(pk.column), ordered)
    shape = _SHAPES.setdefault(shape, shape)
    place = selected.columns[pk.attname]
    related = [_related(field, f"q.c{place}", using) for field in many]
    chosen = direct(collection, ordered, places, types, place, related)
    return Layout(shape, len(types), place, places, "".join(related), direct=chosen), many


def _plain_columns(selected: Selected) -> tuple[str, ...]:
    """The attnames of what is selected, in order; () if that is not columns of the model only."""
    names = tuple(selected.columns)
    places = tuple(selected.columns.values())
    return names if places == tuple(range(len(selected.types))) else ()


def loads(query: Query, field: Field[Any, Any]) -> bool:
    """Does `only()` or `defer()` let this field, which has no column, be published?"""
    names, deferred = query.deferred_loading
    return (field.name in names) is not deferred


_STRINGS: Encoder = list_of(string)
_SHAPES: dict[Shape, Shape] = {}

# Querysets of a class share subqueries, which compilers change while they work.
_COMPILING = Lock()


def _condition(
    query: Query,
    compiler: Any,
    fields: list[Field[Any, Any]],
    using: str,
    objects: Objects | None,
) -> tuple[Condition | None, str]:
    if objects is not None:
        return None, "its documents are made of objects"
    columns = catalog.columns_of(using, _model(query)._meta.db_table)
    try:
        for field in fields:
            _require_in_images(field, query, columns)
        return condition_of(query, compiler, columns), ""
    except NotDecidable as reason:
        return None, str(reason)


def _require_in_images(
    field: Field[Any, Any], query: Query, columns: dict[str, catalog.Column]
) -> None:
    """A field is published as it is read; do changes show it as it is read?"""
    if field.many_to_many:
        if loads(query, field):
            raise NotDecidable("it publishes many-to-many relations")
        return
    if field.column in columns and columns[field.column].virtual:
        raise NotDecidable(f"{field.column} is generated when it is read")
    if type(field).select_format is not Field.select_format:
        raise NotDecidable(f"{field.name} is not read as it is stored")


def _related(field: Any, pk: str, using: str) -> str:
    """The ids that a many-to-many field leads to from a primary key, as one more column."""
    quote = connections[using].ops.quote_name
    column = f"m.{quote(field.m2m_reverse_name())}"
    return (
        f", (SELECT coalesce(json_agg({column} ORDER BY {column}), '[]')::text "
        f"FROM {quote(field.m2m_db_table())} m WHERE m.{quote(field.m2m_column_name())} = {pk})"
    )


def _related_source(field: Any) -> Source:
    near, far = field.m2m_column_name(), field.m2m_reverse_name()
    return Source(field.m2m_db_table(), frozenset([near, far]), near, ())


def _statement(selected: Selected, layout: Layout) -> str:
    """The snapshot, which is there even when the result is empty, and the result."""
    chosen = layout.direct
    if layout.objects is None and chosen is not None:
        columns, source = chosen.columns, chosen.source
    else:
        columns, source = ("''", "row_to_json(q)::text"), ""
    return (
        f"SELECT pg_current_snapshot()::text{', NULL' * (len(columns) - 1)} "
        f"UNION ALL SELECT {', '.join(columns)} "
        f"FROM ({selected.sql}) q({layout.places}) {source}"
    )


def _nothing(queryset: QuerySet[Any], collection: str, using: str) -> QueryPlan:
    shape = Shape(collection, "", ())
    return QueryPlan(
        key=(using, shape),
        using=using,
        sql="",
        params=(),
        tables=frozenset(),
        table=queryset.model._meta.db_table,
        layout=Layout(shape, width=0, pk_place=0, order=(), related=""),
        condition=None,
        reason="it is always empty",
    )
