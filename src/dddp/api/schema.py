"""What a collection's documents look like, for clients that make forms (Meteor's SimpleSchema)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from django.contrib.postgres.fields import ArrayField, HStoreField, RangeField
from django.core.validators import BaseValidator, MaxValueValidator, MinValueValidator
from django.db import models
from django.utils.text import capfirst

from dddp.api.serializing import plain
from dddp.api.writable import wire_name, writable_fields

if TYPE_CHECKING:
    from dddp.api.collection import Collection

TYPES: list[tuple[Any, str]] = [
    (models.BooleanField, "Boolean"),
    ((models.IntegerField, models.FloatField), "Number"),
    (models.DateTimeField, "Date"),
    (models.BinaryField, "Uint8Array"),
    ((models.JSONField, HStoreField, RangeField), "Object"),
]
LIMITS: dict[type[BaseValidator], str] = {MinValueValidator: "min", MaxValueValidator: "max"}


def schema_of(collection: Collection) -> dict[str, dict[str, Any]]:
    """For each published field its description, by its name for clients.

    Of `properties`, and of what an overridden `serialize` adds, nothing is known.
    """
    writable = writable_fields(collection) if collection.given_rules() else {}
    return {
        wire_name(field): {
            **dict(_description(field)),
            **({"writable": True} if wire_name(field) in writable else {}),
        }
        for field in collection.published_fields()
    }


def _description(field: Any) -> Iterator[tuple[str, Any]]:
    yield "type", _type(field)
    yield "label", str(capfirst(field.verbose_name))
    if field.is_relation:
        yield from _relation(field)
    if field.blank or field.null:
        yield "optional", True
    if field.choices:
        options = [(plain(value), str(label)) for value, label in field.flatchoices]
        yield "allowedValues", [value for value, _ in options]
        yield "autoform", {"options": [{"label": label, "value": v} for v, label in options]}
    if isinstance(field, models.DecimalField | models.FloatField):
        yield "decimal", True
    if _type(field) == "Number" and not field.is_relation:
        yield from _limits(field)
    elif field.max_length is not None:
        yield "max", field.max_length


def _type(field: Any) -> str:
    """The JavaScript type of what is published."""
    if field.many_to_many:
        return "[String]"
    if isinstance(field, ArrayField):
        return f"[{_type(field.base_field)}]"
    if field.is_relation:
        return "String"
    return next((name for kind, name in TYPES if isinstance(field, kind)), "String")


def _relation(field: Any) -> Iterator[tuple[str, Any]]:
    # The registry knows collections, which know this.
    from dddp.api.registry import API

    target = API.collection_for(field.related_model)
    if target is not None:
        yield "relation", {"name": field.name, "collection": target.name}


def _limits(field: Any) -> Iterator[tuple[str, Any]]:
    for validator in field.validators:
        name = LIMITS.get(type(validator))
        limit = getattr(validator, "limit_value", None)
        if name is not None:
            yield name, plain(limit() if callable(limit) else limit)
