"""What clients should have of a queryset, made from the objects that Django makes of its rows."""

from __future__ import annotations

import datetime as dt
import uuid
from decimal import Decimal
from typing import Any

from django.db.backends.postgresql.psycopg_any import Range
from django.db.models import Model, QuerySet
from django.utils.duration import duration_iso_string


def documents(queryset: QuerySet[Any]) -> dict[str, dict[str, Any]]:
    """id -> fields, of a fresh run of the queryset."""
    rows = list(queryset.all())
    found = {
        id_of(row): _columns(row)
        | {name: _plain(getattr(row, name)) for name in queryset.query.annotation_select}
        for row in rows
    }
    for field in _many_to_many(queryset):
        name = f"{field.name}_ids"
        for fields in found.values():
            fields[name] = []
        ids = {row.pk: id_of(row) for row in rows}
        far = {row.pk: id_of(row) for row in field.related_model._base_manager.all()}
        pairs = queryset.model._base_manager.filter(pk__in=ids)
        for key, related in pairs.order_by(field.name).values_list("pk", field.name):
            if related is not None:
                found[ids[key]][name].append(far[related])
    return found


def id_of(row: Model) -> str:
    """The id of a row's document: all models here call what is beside the primary key `aid`."""
    return str(getattr(row, "aid", row.pk))


def _columns(row: Model) -> dict[str, Any]:
    left_out = {"password", *row.get_deferred_fields()}
    return {
        field.attname: _related(row, field)
        if field.is_relation
        else _plain(row.__dict__[field.attname])
        for field in row._meta.concrete_fields
        if not field.primary_key and field.attname not in {*left_out, "aid"}
    }


def _related(row: Model, field: Any) -> str | None:
    key = row.__dict__[field.attname]
    if key is None:
        return None
    is_id = field.target_field.name == "aid" or not hasattr(field.related_model, "aid")
    return str(key) if is_id else id_of(getattr(row, field.name))


def _many_to_many(queryset: QuerySet[Any]) -> list[Any]:
    """As with columns, `only()` leaves those that it names, `defer()` all others."""
    names, are_deferred = queryset.query.deferred_loading
    fields = queryset.model._meta.many_to_many
    return [field for field in fields if (field.name in names) is not are_deferred]


def _plain(value: Any) -> Any:
    match value:
        case dt.datetime():
            utc = value.astimezone(dt.UTC)
            return utc.replace(microsecond=utc.microsecond // 1000 * 1000)
        case dt.date() | dt.time():
            return value.isoformat()
        case dt.timedelta():
            return duration_iso_string(value)
        case Decimal():
            return format(value, "f")
        case uuid.UUID():
            return str(value)
        case Range():
            bounds = "" if value.isempty else value.bounds
            return {"lower": _plain(value.lower), "upper": _plain(value.upper), "bounds": bounds}
        case memoryview():
            return bytes(value)
        case list():
            return [_plain(each) for each in value]
        case _:
            return getattr(value, "name", value)  # of a file its name
