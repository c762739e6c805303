"""Which column names a model's documents: the primary key's, or that of an `AleaIdField`."""

from __future__ import annotations

from functools import cache
from typing import Any

from django.db.models import Field, Model
from django.db.models.sql import Query


def names_documents(field: Field[Any, Any]) -> bool:
    """Is it of a kind whose values are ids for clients: an `AleaIdField`?"""
    return getattr(field, "names_documents", False)


def keys_beside(model: type[Model]) -> list[Field[Any, Any]]:
    """The model's fields of that kind, inherited ones too, that are no primary key."""
    fields = model._meta.concrete_fields
    return [field for field in fields if names_documents(field) and not field.primary_key]


def root_key(model: type[Model]) -> Field[Any, Any]:
    """The primary key; of a child of another model its ancestor's."""
    key: Any = model._meta.pk
    while key.remote_field is not None and key.remote_field.parent_link:
        key = key.target_field
    found: Field[Any, Any] = key
    return found


@cache
def document_key(model: type[Model]) -> Field[Any, Any]:
    """The field whose values are the ids of the model's documents.

    The primary key; a single `AleaIdField` beside it that is unique and not NULL; unless that is
    what the primary key is already.
    """
    found = [field for field in keys_beside(model) if field.unique and not field.null]
    return model._meta.pk if names_documents(root_key(model)) or len(found) != 1 else found[0]


def is_local(model: type[Model]) -> bool:
    """Is the key in the table of the model itself, and not in that of a parent?"""
    return document_key(model).model._meta.db_table == model._meta.db_table


def key_column(query: Query) -> str:
    """The column of a query's first table that tells which document a row is, or leads to it."""
    model: Any = query.model
    return str((document_key(model) if is_local(model) else model._meta.pk).column)
