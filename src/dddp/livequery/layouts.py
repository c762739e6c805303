"""What a compiled query selects, and how documents are made of that."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

from django.db.models import Field
from django.db.models.expressions import Col
from django.db.models.sql import Query

from dddp.livequery import catalog
from dddp.livequery.direct import direct, in_order
from dddp.livequery.document import PublishedField, Shape
from dddp.livequery.encoders import NULL, Encoder, encoder_for, list_of, string
from dddp.livequery.keys import document_key
from dddp.livequery.plan import Layout
from dddp.livequery.references import is_translated, selected_id, selected_ids


def model_of(query: Query) -> Any:
    """The model of a query that has one."""
    return query.model


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


def selected_by(
    query: Query, compiler: Any, sql: str, params: tuple[Any, ...], using: str
) -> Selected:
    """What a compiled query (`sql`, `params`) selects; asks the database for types it must."""
    columns: dict[str, int] = {}
    annotations = dict(compiler.annotation_col_map or {})
    for place, (expression, _, _) in enumerate(compiler.select):
        if isinstance(expression, Col) and place not in annotations.values():
            columns[expression.target.attname] = place
    known = catalog.columns_of(using, model_of(query)._meta.db_table)
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
    return bool(own == model_of(query)._meta.db_table and expression.target.column in known)


class _Part(NamedTuple):
    """A field of the documents, and its place in the rows, or what is selected beside them."""

    field: PublishedField
    place: int = 0
    related: str = ""
    reference: Any = None


def layout_of(
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
    key = document_key(model_of(query))
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
    columns["pk"] = columns[model_of(query)._meta.pk.attname]
    for field in fields:
        place = selected.columns.get(field.attname)
        if field.many_to_many or place is None:
            continue
        if is_translated(field):
            related = selected_id(field, columns[field.attname], using)
            yield _Part(PublishedField(field.attname, "", _far_id), 0, related, field)
        else:
            encode = string if field.is_relation else encoder_for(selected.types[place])
            yield _Part(PublishedField(field.attname, str(field.column), encode), place)
    for name, place in selected.annotations.items():
        yield _Part(PublishedField(name, "", encoder_for(selected.types[place])), place)
    for field in fields:
        if field.many_to_many and loads(query, field):
            published = PublishedField(f"{field.name}_ids", "", _STRINGS)
            yield _Part(published, 0, selected_ids(field, columns, using), field)


def loads(query: Query, field: Field[Any, Any]) -> bool:
    """Do `only()` and `defer()` let this field be published?"""
    names, deferred = query.deferred_loading
    return bool({field.name, field.attname} & names) is not deferred


def _far_id(value: Any) -> bytes:
    """An id that is read beside the row; null where there is none."""
    return NULL if value is None else string(value)


_STRINGS: Encoder = list_of(string)
_SHAPES: dict[Shape, Shape] = {}
