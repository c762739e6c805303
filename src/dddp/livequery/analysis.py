"""From a queryset to a `QueryPlan`."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from threading import Lock
from typing import Any, cast

from django.core.exceptions import EmptyResultSet
from django.db.models import CompositePrimaryKey, Field, QuerySet
from django.db.models.query import ModelIterable
from django.db.models.sql import Query

from dddp.exceptions import QueryNotLive
from dddp.livequery import catalog
from dddp.livequery.batch import frozen_all, member_of
from dddp.livequery.conditions import NotDecidable, condition_of
from dddp.livequery.document import OpenShape, Shape
from dddp.livequery.keys import document_key
from dddp.livequery.layouts import Selected, layout_of, loads, model_of, selected_by
from dddp.livequery.objects import ObjectLoader, Objects, path_queryset, prefetched_by
from dddp.livequery.plan import Layout, QueryPlan
from dddp.livequery.predicates import Condition
from dddp.livequery.references import (
    is_translated,
    reference_sources,
)
from dddp.livequery.sources import sources_beyond, sources_of
from dddp.livequery.text import refuse_text
from dddp.livequery.walk import RANDOM, refuse, tables_of


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
    selected = selected_by(query, compiler, sql, tuple(params), using)
    layout, references = layout_of(query, selected, collection, published, using)
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
        tables=frozenset([model_of(query)._meta.db_table]),
        table=model_of(query)._meta.db_table,
        layout=layout,
        condition=condition,
        reason=reason,
    )
    if condition is not None:
        return plan
    refuse_text(sql, tables, using)
    with _COMPILING:
        sources = [*sources_of(query, sql, tables, using)]
        for field in references:
            sources += reference_sources(model_of(query), field, using)
        if objects is not None:
            beyond = path_queryset(model_of(query), objects.reads).query
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
        _load_key(plain.query)
        plain.query.select_related = query.select_related
        plain._prefetch_related_lookups = cast(Any, queryset)._prefetch_related_lookups
    elif query.is_sliced or query.combinator or query.distinct_fields:
        raise QueryNotLive(
            "It is sliced, combined or distinct, has annotations, and its Collection makes "
            "documents of objects: leave one of these out."
        )
    else:
        plain = queryset.order_by()
        _load_key(plain.query)
    if objects.references:
        plain = plain.prefetch_related(*objects.references)
    shape = OpenShape(collection, "")
    return ObjectLoader(plain, objects.serialize, shape, prefetched_by(queryset))


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
    model: Any = queryset.model
    key: Any = document_key(model)
    known = None if key.primary_key else catalog.columns_of(using, key.model._meta.db_table)
    if known is not None and not (key.column in known and known[key.column].required):
        raise QueryNotLive(f"{key}, the documents' id, is not NOT NULL in the database: migrate.")


def _prepared(query: Query) -> Query:
    """A copy without what changes nothing about the set of documents."""
    query = query.clone()
    query.select_related = False
    query.select_for_update = False
    query.combined_queries = tuple(map(_prepared, query.combined_queries))
    _load_key(query)
    for order in query.order_by:
        if order == "?":
            raise QueryNotLive(RANDOM)
        refuse(order)
    if not (query.is_sliced or query.distinct_fields or query.combinator):
        query.clear_ordering(clear_default=True)
    return query


def _load_key(query: Query) -> None:
    """Whatever `only()` and `defer()` say, the key is read; of primary keys Django sees to it."""
    key = document_key(model_of(query))
    names, deferred = query.deferred_loading
    if names and not key.primary_key:
        name = {str(key.name)}
        query.deferred_loading = (names - name if deferred else names | name, deferred)


def _plain_columns(selected: Selected) -> tuple[str, ...]:
    """The attnames of what is selected, in order; () if that is not columns of the model only."""
    names = tuple(selected.columns)
    places = tuple(selected.columns.values())
    return names if places == tuple(range(len(selected.types))) else ()


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
    columns = catalog.columns_of(using, model_of(query)._meta.db_table)
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
    if is_translated(field) and loads(query, field):
        raise NotDecidable(f"the id that {field.attname} stands for is in another row")
    if field.column in columns and columns[field.column].virtual:
        raise NotDecidable(f"{field.column} is generated when it is read")
    if type(field).select_format is not Field.select_format:
        raise NotDecidable(f"{field.name} is not read as it is stored")


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
