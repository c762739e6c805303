"""From a queryset to a `QueryPlan`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from threading import Lock
from typing import Any, NamedTuple, cast

from django.core.exceptions import EmptyResultSet
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
from dddp.livequery.keys import document_key
from dddp.livequery.objects import ObjectLoader, Objects, path_queryset, prefetched_by
from dddp.livequery.plan import Layout, QueryPlan
from dddp.livequery.predicates import Condition
from dddp.livequery.references import (
    is_translated,
    reference_sources,
    selected_id,
    selected_ids,
)
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
    layout, references = _layout(query, selected, collection, published, using)
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
        sources = [*sources_of(query, sql, tables, using)]
        for field in references:
            sources += reference_sources(_model(query), field, using)
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
    key = document_key(_model(query))
    names, deferred = query.deferred_loading
    if names and not key.primary_key:
        name = {str(key.name)}
        query.deferred_loading = (names - name if deferred else names | name, deferred)


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


class _Part(NamedTuple):
    """A field of the documents, and its place in the rows, or what is selected beside them."""

    field: PublishedField
    place: int = 0
    related: str = ""
    reference: Any = None


def _layout(
    query: Query,
    selected: Selected,
    collection: str,
    fields: list[Field[Any, Any]],
    using: str,
) -> tuple[Layout, list[Any]]:
    """The layout, and the fields whose values are read beside the rows."""
    parts = list(_parts(query, selected, fields, using))
    beside = [part for part in parts if part.related]
    types = selected.types
    places = [len(types) + beside.index(part) if part.related else part.place for part in parts]
    published, order = in_order([part.field for part in parts], places, types)
    key = document_key(_model(query))
    shape = Shape(collection, str(key.column), published)
    shape = _SHAPES.setdefault(shape, shape)
    related = [part.related for part in beside]
    place = selected.columns[key.attname]
    chosen = direct(collection, published, order, types, place, related)
    layout = Layout(shape, len(types), place, order, "".join(related), direct=chosen)
    return layout, [part.reference for part in beside]


def _parts(
    query: Query, selected: Selected, fields: list[Field[Any, Any]], using: str
) -> Iterator[_Part]:
    columns = {name: f"q.c{place}" for name, place in selected.columns.items()}
    columns["pk"] = columns[_model(query)._meta.pk.attname]
    for field in fields:
        place = selected.columns.get(field.attname)
        if field.many_to_many or place is None:
            continue
        if is_translated(field):
            related = selected_id(field, columns[field.attname], using)
            yield _Part(PublishedField(field.attname, "", string), 0, related, field)
        else:
            encode = string if field.is_relation else encoder_for(selected.types[place])
            yield _Part(PublishedField(field.attname, str(field.column), encode), place)
    for name, place in selected.annotations.items():
        yield _Part(PublishedField(name, "", encoder_for(selected.types[place])), place)
    for field in fields:
        if field.many_to_many and loads(query, field):
            published = PublishedField(f"{field.name}_ids", "", _STRINGS)
            yield _Part(published, 0, selected_ids(field, columns, using), field)


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
    if is_translated(field):
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
