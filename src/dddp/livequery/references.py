"""Ids of other documents in a document: what foreign keys and many-to-many fields lead to.

Where the other model's key is no primary key, a row has not the id that its document has: then
that is read from the other row, and the query depends on that, too.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from django.db import connections
from django.db.models import Field, Model

from dddp.exceptions import QueryNotLive
from dddp.livequery.keys import document_key, is_local
from dddp.livequery.plan import Source, Step
from dddp.livequery.sources import common_type

Way = tuple[Step, ...] | None


def far_key(field: Any) -> Field[Any, Any] | None:
    """The field of the other row that its id is read from; None: what is referred to is the id.

    Args:
        field: a foreign key, also one of those that make up a many-to-many table.
    """
    key = document_key(field.related_model)
    return None if key.primary_key or field.target_field == key else key


def near_side(field: Any) -> Any:
    """The foreign key of a many-to-many table that leads to the field's own model."""
    return field.remote_field.through._meta.get_field(field.m2m_field_name())


def far_side(field: Any) -> Any:
    """The foreign key of a many-to-many table that leads to the other model."""
    return field.remote_field.through._meta.get_field(field.m2m_reverse_field_name())


def is_translated(field: Any) -> bool:
    """Are a foreign key's values others for clients than in its column?"""
    single = field.is_relation and not field.many_to_many
    return bool(single and field.related_model and far_key(field))


def reference_problem(field: Any) -> str:
    """Why a field cannot be published; "" if it can."""
    try:
        if is_translated(field):
            _far_row(field)
    except QueryNotLive as problem:
        return str(problem)
    return ""


def paths_to_ids(field: Any) -> list[str]:
    """Lookup paths to the ids that a field leads to, as far as they are in other rows."""
    if field.many_to_many:
        key = far_key(far_side(field))
        return [str(field.name)] if key is None else [f"{field.name}__{key.name}"]
    if not is_translated(field):
        return []
    return [f"{field.name}__{document_key(field.related_model).name}"]


def selected_id(field: Any, value: str, using: str) -> str:
    """SQL of one column: the id that a translated foreign key's value leads to, as JSON text."""
    quote = connections[using].ops.quote_name
    table, matched, key = _far_row(field)
    return (
        f", coalesce((SELECT to_json(t.{quote(key)}) FROM {quote(table)} t "
        f"WHERE t.{quote(matched)} = {value})::text, 'null')"
    )


def selected_ids(field: Any, columns: Mapping[str, str], using: str) -> str:
    """SQL of one column: the ids that a many-to-many field leads to, as JSON text.

    Args:
        columns: SQL of the values of a row by attname, and of the "pk".
    """
    quote = connections[using].ops.quote_name
    near, far = near_side(field), far_side(field)
    target = near.target_field
    value = columns.get("pk" if target.primary_key else target.attname)
    if value is None:
        raise QueryNotLive(f"{field} refers to {target}: have only() name that, too.")
    column, order, join = f"m.{quote(far.column)}", f"m.{quote(far.column)}", ""
    if far_key(far) is not None:
        table, matched, key = _far_row(far)
        column, join = f"t.{quote(key)}", f"JOIN {quote(table)} t ON t.{quote(matched)} = {order} "
    return (
        f", (SELECT coalesce(json_agg({column} ORDER BY {order}), '[]')::text "
        f"FROM {quote(field.m2m_db_table())} m {join}WHERE m.{quote(near.column)} = {value})"
    )


def reference_sources(model: type[Model], field: Any, using: str) -> Iterator[Source]:
    """Where rows come in that decide about a field's ids in a model's documents."""
    if field.many_to_many:
        near, far = near_side(field), far_side(field)
        table, way = field.m2m_db_table(), _onward(model, near, using)
        yield Source(table, frozenset([near.column, far.column]), near.column, way)
        if far_key(far) is not None:
            yield _far_source(far, _joined(far, table, near.column, way, using))
    elif is_translated(field):
        key: Any = document_key(model)
        own = is_local(model) and field.model._meta.db_table == model._meta.db_table
        ends: Way = () if own else None
        yield _far_source(field, _joined(field, model._meta.db_table, key.column, ends, using))


def _far_row(field: Any) -> tuple[str, str, str]:
    """The table with the other model's key, its column to look a value up by, and the key's."""
    key = document_key(field.related_model)
    target = field.target_field
    home: Any = key.model
    if target.model is home:
        matched = target.column
    elif target.primary_key and _is_shared(target, home):
        matched = home._meta.pk.column
    else:
        raise QueryNotLive(
            f"{field} refers to {target}, and the ids of documents are in {key}, the field of a "
            f"parent: let it refer to the primary key, or name it in `exclude`."
        )
    return home._meta.db_table, str(matched), str(key.column)


def _is_shared(key: Any, parent: type[Model]) -> bool:
    """Is a child's primary key the one that its row has in a parent's table?"""
    while key.model is not parent and getattr(key.remote_field, "parent_link", False):
        key = key.target_field
    return bool(key.model is parent and key.primary_key)


def _far_source(field: Any, way: Way) -> Source:
    table, matched, key = _far_row(field)
    return Source(table, frozenset([matched, key]), matched if way is not None else "", way)


def _joined(field: Any, table: str, onward: str, way: Way, using: str) -> Way:
    """From the other row over a foreign key in `table` to a column of it, and on."""
    if way is None:
        return None
    other, matched, _ = _far_row(field)
    kind = common_type((table, str(field.column)), (other, matched), using)
    return (Step(table, str(field.column), kind, onward), *way) if kind else None


def _onward(model: type[Model], near: Any, using: str) -> Way:
    """From a many-to-many table's values to the documents' keys."""
    key, target = document_key(model), near.target_field
    if key.column == target.column or (key.primary_key and target.primary_key):
        return ()
    if not is_local(model) or target.model._meta.db_table != model._meta.db_table:
        return None
    table = model._meta.db_table
    ends = (near.model._meta.db_table, str(near.column)), (table, str(target.column))
    kind = common_type(*ends, using)
    return (Step(table, str(target.column), kind, str(key.column)),) if kind else None
