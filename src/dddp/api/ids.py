"""Between primary keys and the ids of documents, which are primary keys as strings."""

from __future__ import annotations

from typing import Any, TypeVar

from django.core.exceptions import ValidationError
from django.db.models import Field, Manager, Model, QuerySet

M = TypeVar("M", bound=Model)


def get_ddp_id(obj: Model) -> str:
    """The id of the document that an object is for clients. Raises ValueError if it has none."""
    if obj.pk is None:
        raise ValueError(f"{obj!r} has no id before it is saved.")
    return str(obj.pk)


def get_object_id(model: type[Model], ddp_id: Any) -> Any:
    """The primary key of a document's id, as Python value; nobody asks whether there is a row.

    Raises the model's DoesNotExist for what no document's id can be.
    """
    try:
        return key_of(model._meta.pk, ddp_id)
    except ValidationError as error:
        raise model.DoesNotExist(f"No {model._meta.label} has this id.") from error


def get_object(source: type[M] | Manager[M] | QuerySet[M], ddp_id: Any) -> M:
    """The object with a document's id: of a model, or if it is in a queryset.

    Raises the model's DoesNotExist.
    """
    if isinstance(source, type):
        source = source._default_manager
    found: M = source.get(pk=get_object_id(source.model, ddp_id))
    return found


def key_of(field: Field[Any, Any], ddp_id: Any) -> Any:
    """The value of a key, or of a field that refers to one, that is this string for clients.

    Raises ValidationError for what is none; several spellings of one key are not taken.
    """
    if isinstance(ddp_id, str) and ddp_id != "" and "\0" not in ddp_id:
        value = field.to_python(ddp_id)
        if str(value) == ddp_id:
            return value
    raise ValidationError("This is not an id.", code="invalid")
