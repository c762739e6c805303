"""Which fields of a collection clients may write, and what is written to them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from django.core.exceptions import ValidationError
from django.db.models import Field, FileField, GeneratedField, Model
from django.db.models.fields import AutoFieldMixin

from dddp.api.converting import keys_of, python_value
from dddp.exceptions import ConfigurationError
from dddp.livequery.keys import document_key

if TYPE_CHECKING:
    from dddp.api.collection import Collection

Fields = dict[str, Any]


def wire_name(field: Field[Any, Any]) -> str:
    """What a field is called for clients."""
    return f"{field.name}_ids" if field.many_to_many else field.attname


def writable_fields(collection: Collection) -> Fields:
    """The fields in `writable_fields` by their names for clients, without keys.

    Raises ConfigurationError for names that the model has not, and what cannot be written.
    """
    fields = [_named(collection, name) for name in collection.writable_fields]
    key = document_key(collection.model)
    return {wire_name(field): field for field in fields if not (field.primary_key or field == key)}


def may_choose_ids(collection: Collection) -> bool:
    """Is the primary key in `writable_fields`?"""
    pk = collection.model._meta.pk
    return bool({pk.name, pk.attname} & set(collection.writable_fields))


def _named(collection: Collection, name: str) -> Field[Any, Any]:
    meta = collection.model._meta
    by_name = {
        each: field
        for field in [*meta.concrete_fields, *meta.many_to_many]
        for each in (field.name, field.attname)
    }
    field = by_name.get(name)
    if field is None:
        raise ConfigurationError(
            f"`writable_fields` names {name!r}, which {meta.label} does not have."
        )
    if isinstance(field, AutoFieldMixin | GeneratedField | FileField):
        raise ConfigurationError(
            f"`writable_fields` names {name!r}: clients cannot write a {type(field).__name__}. "
            f"Write a method for that."
        )
    return field


def converted(fields: Fields, values: Mapping[str, Any]) -> dict[str, Any]:
    """Values of the fields' types. Raises ValidationError by names for clients."""
    found: dict[str, Any] = {}
    errors: dict[str, Any] = {}
    for name, value in values.items():
        field = fields[name]
        try:
            found[name] = (keys_of if field.many_to_many else python_value)(field, value)
        except ValidationError as error:
            errors[name] = error
    if errors:
        raise ValidationError(errors)
    return found


def emptied(field: Field[Any, Any]) -> Any:
    """What `$unset` leaves in a field."""
    if field.many_to_many:
        return []
    if field.has_default():
        return field.get_default()
    return None if field.null else field.get_default()


def assign(obj: Model, fields: Fields, values: Mapping[str, Any]) -> None:
    """Give an object the values that are no many-to-many ids."""
    for name, value in values.items():
        if not fields[name].many_to_many:
            setattr(obj, fields[name].attname, value)


def validate(obj: Model, fields: Fields, values: Mapping[str, Any]) -> None:
    """Validate an object that has been given values: these fields, and all that is unique.

    Raises ValidationError by names for clients.
    """
    checked = {field.name for field in fields.values()}
    if obj._state.adding:
        checked.add(document_key(type(obj)).name)
    others = {field.name for field in obj._meta.fields if field.name not in checked}
    try:
        obj.full_clean(exclude=others, validate_unique=False, validate_constraints=False)
        obj.validate_unique()
        obj.validate_constraints()
        for name, field in fields.items():
            if field.many_to_many and name in values:
                _require_rows(field, values[name])
    except ValidationError as error:
        raise _renamed(obj, error) from error


def relate(obj: Model, fields: Fields, values: Mapping[str, Any]) -> None:
    """Give an object that has been saved its many-to-many relations."""
    for name, value in values.items():
        if fields[name].many_to_many:
            getattr(obj, str(fields[name].name)).set(value)


def _require_rows(field: Any, keys: list[Any]) -> None:
    target = field.target_field
    rows = target.model._base_manager.complex_filter(field.get_limit_choices_to())
    if rows.filter(**{f"{target.attname}__in": keys}).distinct().count() != len(set(keys)):
        raise ValidationError({field.name: "Not all of these exist."})
    if not keys and not field.blank:
        raise ValidationError({field.name: field.error_messages["blank"]})


def _renamed(obj: Model, error: ValidationError) -> ValidationError:
    meta = obj._meta
    names = {field.name: wire_name(field) for field in [*meta.fields, *meta.many_to_many]}
    names[document_key(type(obj)).name] = "_id"
    return ValidationError(
        {names.get(name, name): messages for name, messages in error.error_dict.items()}
    )
