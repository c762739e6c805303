"""Between primary keys and the ids of documents.

These are primary keys as strings, or the values of the model's unique `AleaIdField`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, TypeVar

from django.core.exceptions import ValidationError
from django.db.models import Field, Manager, Model, QuerySet

from dddp.conf import conf
from dddp.livequery.keys import document_key
from dddp.livequery.references import far_key

M = TypeVar("M", bound=Model)


def get_ddp_id(obj: Model) -> str:
    """The id of the document that an object is for clients. Raises ValueError if it has none."""
    key: Any = document_key(obj._meta.model)
    value = getattr(obj, key.attname)
    if value is None or (value == "" and not key.primary_key):
        raise ValueError(f"{obj!r} has no id before it is saved.")
    return str(value)


def get_object_id(model: type[Model], ddp_id: Any) -> Any:
    """The primary key of a document's id, as Python value.

    Where the id is the primary key, nobody asks whether there is a row. Raises the model's
    DoesNotExist for what no document's id can be, or is not.
    """
    lookup = lookup_of(model, ddp_id)
    return lookup["pk"] if "pk" in lookup else _rows(model).values_list("pk").get(**lookup)[0]


def get_object(source: type[M] | Manager[M] | QuerySet[M], ddp_id: Any) -> M:
    """The object with a document's id: of a model, or if it is in a queryset.

    Raises the model's DoesNotExist.
    """
    if isinstance(source, type):
        source = source._default_manager
    found: M = source.get(**lookup_of(source.model, ddp_id))
    return found


def get_ddp_ids(model: type[Model], pks: Iterable[Any]) -> dict[Any, str]:
    """Primary key -> id of its document, with one statement, of those that exist."""
    key = document_key(model)
    rows = _rows(model).filter(pk__in=list(pks)).values_list("pk", key.attname)
    return {pk: str(value) for pk, value in rows}


def get_object_ids(model: type[Model], ddp_ids: Iterable[Any]) -> dict[str, Any]:
    """Id of a document -> primary key, with one statement, of those that exist."""
    key = document_key(model)
    values = []
    for each in ddp_ids:
        try:
            values.append(key_of(key, each))
        except ValidationError:
            continue  # nothing has it
    rows = _rows(model).filter(**{f"{_name(key)}__in": values}).values_list(key.attname, "pk")
    return {str(value): pk for value, pk in rows}


def lookup_of(model: type[Model], ddp_id: Any) -> dict[str, Any]:
    """What to filter by for the object with a document's id: {"pk": value}, or by its other key.

    Raises the model's DoesNotExist for what no document's id can be.
    """
    key = document_key(model)
    try:
        return {_name(key): key_of(key, ddp_id)}
    except ValidationError as error:
        raise model.DoesNotExist(f"No {model._meta.label} has this id.") from error


def key_of(field: Field[Any, Any], ddp_id: Any) -> Any:
    """The value of a key, or of a field that refers to one, that is this string for clients.

    Raises ValidationError for what is none; several spellings of one key are not taken.
    """
    if isinstance(ddp_id, str) and ddp_id != "" and "\0" not in ddp_id:
        value = field.to_python(ddp_id)
        if str(value) == ddp_id:
            return value
    raise ValidationError("This is not an id.", code="invalid")


def referred_keys(field: Any, ddp_ids: Sequence[Any]) -> list[Any]:
    """The values with which a foreign key refers to the documents with these ids.

    Raises ValidationError for what is no id, and where rows are asked for one that nothing has.
    """
    key = far_key(field)
    if key is None:
        return [key_of(field.target_field, each) for each in ddp_ids]
    values = [key_of(key, each) for each in ddp_ids]
    rows = _rows(field.related_model).filter(**{f"{key.name}__in": values})
    known = dict(rows.values_list(key.attname, field.target_field.attname))
    if not set(values) <= set(known):
        raise ValidationError("There is no document with this id.", code="invalid")
    return [known[value] for value in values]


def is_named_by_pk(model: type[Model]) -> bool:
    """Are the ids of its documents primary keys?"""
    return bool(document_key(model).primary_key)


def _name(key: Field[Any, Any]) -> str:
    return "pk" if key.primary_key else str(key.name)


def _rows(model: type[Model]) -> Any:
    return model._base_manager.using(conf.database)
