"""A model instance as a document: the same values that rows have without the ORM."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.db.models import Field, Model
from django.db.models.fields.files import FieldFile
from django.utils.duration import duration_iso_string

from dddp.livequery.references import far_key, far_side, is_translated

if TYPE_CHECKING:
    from dddp.api.collection import Collection


@dataclass(frozen=True)
class Serializer:
    """Makes documents of a collection's objects; equal ones make equal documents.

    Attributes:
        annotations: names of attributes that a queryset has added.
        left_out: names of values that its `only()` or `defer()` leaves out.
    """

    collection: Collection
    annotations: tuple[str, ...]
    left_out: tuple[str, ...]

    def __call__(self, obj: Model) -> Mapping[str, Any]:
        added = {name: plain(getattr(obj, name)) for name in self.annotations}
        document = {**self.collection.serialize(obj), **added}
        return {name: document[name] for name in document if name not in self.left_out}


def field_value(field: Field[Any, Any], obj: Model) -> Any:
    """What is published of one field of an object."""
    if field.many_to_many:
        return _related_ids(field, obj)
    value = field.value_from_object(obj)
    if not field.is_relation or value is None:
        return plain(value)
    return _far_id(field, obj) if is_translated(field) else str(value)


def plain(value: Any) -> Any:
    """A value in the form that its column has on the wire."""
    if isinstance(value, FieldFile):
        return value.name
    if isinstance(value, dt.timedelta):
        return duration_iso_string(value)
    if isinstance(value, dt.time):
        text, dot, fraction = value.isoformat().partition(".")
        return text + dot + fraction.rstrip("0")
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    if all(hasattr(value, name) for name in ("lower_inc", "upper_inc", "isempty")):
        return _range(value)
    return value


def _related_ids(field: Field[Any, Any], obj: Model) -> list[str]:
    found = getattr(obj, str(field.name)).all()
    far = far_side(field)
    target = far.target_field.attname
    key = far_key(far) or far.target_field
    ordered = sorted(found, key=lambda each: getattr(each, target))
    return [str(getattr(each, key.attname)) for each in ordered]


def _far_id(field: Any, obj: Model) -> str | None:
    """The id of the document that a foreign key leads to; None if there is no such row."""
    try:
        found = getattr(obj, field.name)
    except field.related_model.DoesNotExist:
        return None
    # One that may be NULL is None here if it was prefetched and is not there.
    return None if found is None else str(getattr(found, far_key(field).attname))  # type: ignore[union-attr]


def _range(value: Any) -> dict[str, Any]:
    if value.isempty:
        return {"lower": None, "upper": None, "bounds": ""}
    bounds = ("[" if value.lower_inc else "(") + ("]" if value.upper_inc else ")")
    return {"lower": plain(value.lower), "upper": plain(value.upper), "bounds": bounds}
