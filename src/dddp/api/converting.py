"""From what clients send to the values of model fields: the way back of what is published."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Callable
from decimal import Decimal
from typing import Any

from django.conf import settings
from django.contrib.postgres.fields import ArrayField, HStoreField, RangeField
from django.core.exceptions import ValidationError
from django.db import models

from dddp.api.ids import referred_keys
from dddp.livequery.references import far_side

BOUNDS = ("[]", "[)", "(]", "()")


def python_value(field: Any, value: Any) -> Any:
    """A field's value of the EJSON value that it would be published as; not validated further.

    Raises ValidationError for values of another kind, also where Django would convert them.
    """
    if value is None:
        return None
    try:
        if field.is_relation:
            return referred_keys(field, [value])[0]
        for kind, convert in CONVERTERS:
            if isinstance(field, kind):
                return convert(field, value)
        return field.to_python(value)
    except (TypeError, ValueError, ArithmeticError) as error:
        raise _invalid() from error


def keys_of(field: Any, value: Any) -> list[Any]:
    """The keys of a many-to-many field's value, a list of ids."""
    if not isinstance(value, list):
        raise _invalid()
    return referred_keys(far_side(field), value)


def _invalid() -> ValidationError:
    return ValidationError("This is no value of the field's type.", code="invalid")


def _require(condition: bool) -> None:
    if not condition:
        raise _invalid()


def _truth(field: Any, value: Any) -> bool:
    _require(isinstance(value, bool))
    return bool(value)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float | Decimal) and not isinstance(value, bool)


def _real(field: Any, value: Any) -> float:
    _require(_is_number(value))
    return float(value)


def _exact(field: Any, value: Any) -> Any:
    _require(_is_number(value) or isinstance(value, str))
    number = field.to_python(value)
    _require(number.is_finite())
    return number


def _whole(field: Any, value: Any) -> int:
    _require(_is_number(value) and value == int(value))
    return int(value)


def _moment(field: Any, value: Any) -> dt.datetime:
    _require(isinstance(value, dt.datetime))
    moment: dt.datetime = value.astimezone(dt.UTC)
    return moment if settings.USE_TZ else moment.replace(tzinfo=None)


def _written(field: Any, value: Any) -> Any:
    """What has the form of a string for clients."""
    return field.to_python(_text(field, value))


def _text(field: Any, value: Any) -> str:
    _require(isinstance(value, str) and "\0" not in value)
    return str(value)


def _octets(field: Any, value: Any) -> bytes:
    _require(isinstance(value, bytes | bytearray))
    return bytes(value)


def _json(field: Any, value: Any) -> Any:
    if isinstance(value, str):
        return _text(field, value)
    if isinstance(value, list):
        return [_json(field, each) for each in value]
    if isinstance(value, dict):
        return {_text(field, name): _json(field, each) for name, each in value.items()}
    if isinstance(value, float):
        _require(math.isfinite(value))
    _require(value is None or isinstance(value, bool | int | float))
    return value


def _list(field: Any, value: Any) -> list[Any]:
    _require(isinstance(value, list))
    return [python_value(field.base_field, each) for each in value]


def _texts(field: Any, value: Any) -> dict[str, str | None]:
    _require(isinstance(value, dict))
    return {
        _text(field, name): None if each is None else _text(field, each)
        for name, each in value.items()
    }


def _range(field: Any, value: Any) -> Any:
    _require(isinstance(value, dict) and set(value) == {"lower", "upper", "bounds"})
    if value["bounds"] == "":
        return field.range_type(empty=True)
    _require(value["bounds"] in BOUNDS)
    ends = [python_value(field.base_field, value[end]) for end in ("lower", "upper")]
    return field.range_type(*ends, value["bounds"])


# The first that fits counts: a DateTimeField is a DateField too.
CONVERTERS: list[tuple[Any, Callable[[Any, Any], Any]]] = [
    (models.BooleanField, _truth),
    (models.FloatField, _real),
    (models.DecimalField, _exact),
    (models.IntegerField, _whole),
    (models.DateTimeField, _moment),
    ((models.DateField, models.TimeField, models.DurationField, models.UUIDField), _written),
    ((models.CharField, models.TextField, models.GenericIPAddressField), _text),
    (models.BinaryField, _octets),
    (models.JSONField, _json),
    (ArrayField, _list),
    (HStoreField, _texts),
    (RangeField, _range),
]
