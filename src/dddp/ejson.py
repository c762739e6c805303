"""EJSON: JSON with dates, binary and the numbers that JSON lacks (DDP 1, "Appendix: EJSON").

`dumps` and `loads` go between Python values and text, `to_json` and `from_json` between Python
values and trees of plain JSON values.

| Python | EJSON |
|---|---|
| datetime (naive: UTC) | `{"$date": milliseconds}` |
| date, time, timedelta | ISO 8601 string |
| Decimal, UUID | string |
| bytes | `{"$binary": base64}` |
| nan, inf, -inf | `{"$InfNaN": 0}`, 1, -1 |
| RegExp | `{"$regexp": ..., "$flags": ...}` |
| a registered type (ObjectID is one) | `{"$type": ..., "$value": ...}` |
| a dict that looks like one of these | `{"$escape": {...}}` |
"""

from __future__ import annotations

import base64
import datetime as dt
import enum
import math
import re
import uuid
from collections.abc import Callable, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import msgspec

EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
MILLISECOND = dt.timedelta(milliseconds=1)
FLAGS = "gimuy"


@dataclass(frozen=True, slots=True)
class RegExp:
    """A JavaScript regular expression."""

    pattern: str
    flags: str = ""


@dataclass(frozen=True, slots=True)
class ObjectID:
    """MongoDB's document id: 24 hexadecimal digits in lower case."""

    hex: str


def dumps(value: Any) -> bytes:
    """EJSON text of a value. Raises TypeError for types EJSON has no form for."""
    return msgspec.json.encode(to_json(value))


def loads(text: bytes | str) -> Any:
    """The value of an EJSON text. Raises ValueError."""
    try:
        return from_json(msgspec.json.decode(text))
    except RecursionError as error:
        raise ValueError("nested too deeply") from error


def to_json(value: Any) -> Any:
    """A tree of JSON values that stands for `value`. Raises TypeError."""
    encoder = _ENCODERS.get(type(value))
    return encoder(value) if encoder is not None else _encode_other(value)


def from_json(tree: Any) -> Any:
    """The value that a tree of JSON values stands for. Raises ValueError for unknown types."""
    # A client's message may hold 300,000 of these: what is empty is not looked into.
    if not tree or type(tree) not in (list, dict):
        return tree
    if type(tree) is list:
        return [from_json(item) for item in tree]
    if len(tree) <= 2 and next(iter(tree)).startswith("$"):
        decoder = _DECODERS.get(frozenset(tree))
        if decoder is not None:
            return decoder(tree)
    return {key: from_json(item) for key, item in tree.items()}


def add_type(
    name: str, cls: type, to_json: Callable[[Any], Any], from_json: Callable[[Any], Any]
) -> None:
    """Send instances of `cls` as `{"$type": name, "$value": to_json(instance)}`.

    Raises:
        ValueError: the name is taken by another class.
    """
    if name in _TYPES and _TYPES[name][0] is not cls:
        raise ValueError(f"The EJSON type {name!r} is taken by {_TYPES[name][0].__name__}.")
    _TYPES[name] = (cls, to_json, from_json)
    _ENCODERS[cls] = lambda value: {"$type": name, "$value": _tree(to_json(value))}


def equals(left: Any, right: Any) -> bool:
    """Are two values the same on the wire? NaN equals NaN; 1 equals 1.0 but not True."""
    return _equal(to_json(left), to_json(right))


def clone(value: Any) -> Any:
    """A deep copy by way of the wire."""
    return from_json(to_json(value))


def encode_plain(value: Any) -> bytes:
    """Plain JSON, without EJSON's forms, for error details: dates become ISO strings, nan and
    the infinities null; of a value that EJSON has no form for, `str()` is sent.
    """
    return msgspec.json.encode(_plain(value))


def _equal(left: Any, right: Any) -> bool:
    if isinstance(left, dict):
        if not isinstance(right, dict) or left.keys() != right.keys():
            return False
        return all(_equal(item, right[key]) for key, item in left.items())
    if isinstance(left, list):
        if not isinstance(right, list) or len(left) != len(right):
            return False
        return all(map(_equal, left, right))
    return bool(left == right) and isinstance(left, bool) == isinstance(right, bool)


def _same(value: Any) -> Any:
    return value


def _tree(value: Any) -> Any:
    """`to_json`, where a parameter hides it."""
    return to_json(value)


def _encode_float(value: float) -> Any:
    if math.isfinite(value):
        return value
    return {"$InfNaN": 0 if math.isnan(value) else int(math.copysign(1, value))}


def _encode_datetime(value: dt.datetime) -> Any:
    aware = value.replace(tzinfo=dt.UTC) if value.tzinfo is None else value
    return {"$date": (aware - EPOCH) // MILLISECOND}


def _encode_duration(value: dt.timedelta) -> str:
    sign = "-" if value < dt.timedelta() else ""
    value = abs(value)
    minutes, seconds = divmod(value.seconds, 60)
    hours, minutes = divmod(minutes, 60)
    fraction = f".{value.microseconds:06d}" if value.microseconds else ""
    return f"{sign}P{value.days}DT{hours:02d}H{minutes:02d}M{seconds:02d}{fraction}S"


def _encode_dict(value: Mapping[Any, Any]) -> Any:
    tree = {_key(key): to_json(item) for key, item in value.items()}
    return {"$escape": tree} if looks_encoded(tree) else tree


def looks_encoded(tree: Mapping[str, Any]) -> bool:
    """Would a reader take this JSON object for an encoded value? Then it has to be escaped."""
    return 1 <= len(tree) <= 2 and frozenset(tree) in _DECODERS


def _key(key: Any) -> str:
    if isinstance(key, str):
        return str.__str__(key)
    raise TypeError(f"EJSON objects have string keys, not {key!r}.")


def _encode_list(value: Any) -> list[Any]:
    return [to_json(item) for item in value]


def _encode_other(value: Any) -> Any:
    """Subclasses, and objects that only stand for a value (enum members, lazy strings)."""
    if isinstance(value, enum.Enum):
        return to_json(value.value)
    for cls, convert in _SUBCLASSES:
        if isinstance(value, cls):
            return _ENCODERS[cls](convert(value))
    if isinstance(value, Mapping):
        return _encode_dict(value)
    if isinstance(value, AbstractSet):
        return _encode_list(value)
    if hasattr(value, "_proxy____cast"):
        return to_json(value._proxy____cast())
    raise TypeError(f"EJSON has no form for {type(value).__name__}.")


_ENCODERS: dict[type, Callable[[Any], Any]] = {
    type(None): _same,
    bool: _same,
    int: _same,
    str: _same,
    float: _encode_float,
    dict: _encode_dict,
    list: _encode_list,
    tuple: _encode_list,
    dt.datetime: _encode_datetime,
    dt.date: dt.date.isoformat,
    dt.time: dt.time.isoformat,
    dt.timedelta: _encode_duration,
    Decimal: lambda value: format(value, "f"),
    uuid.UUID: str,
    bytes: lambda value: {"$binary": base64.b64encode(value).decode()},
    bytearray: lambda value: {"$binary": base64.b64encode(value).decode()},
    memoryview: lambda value: {"$binary": base64.b64encode(value).decode()},
    RegExp: lambda value: {"$regexp": value.pattern, "$flags": value.flags},
}
_SUBCLASSES: tuple[tuple[type, Callable[[Any], Any]], ...] = (
    (str, str.__str__),
    (int, int),
    (float, float),
    (Decimal, Decimal),
    (dt.datetime, _same),
    (dt.date, _same),
    (dt.time, _same),
    (dt.timedelta, _same),
    (uuid.UUID, _same),
    (bytes, bytes),
    (list, list),
    (tuple, list),
)


def _decode_date(tree: dict[str, Any]) -> Any:
    try:
        return EPOCH + tree["$date"] * MILLISECOND
    except (TypeError, OverflowError, ValueError):
        return None


def _decode_regexp(tree: dict[str, Any]) -> RegExp:
    flags = dict.fromkeys(flag for flag in str(tree["$flags"])[:50] if flag in FLAGS)
    return RegExp(str(tree["$regexp"]), "".join(flags))


def _decode_number(tree: dict[str, Any]) -> float:
    """The value divided by zero, as Meteor has it."""
    value = tree["$InfNaN"]
    if not isinstance(value, int | float) or value == 0:
        return math.nan
    return math.inf if value > 0 else -math.inf


def _decode_binary(tree: dict[str, Any]) -> bytes:
    text = tree["$binary"]
    try:
        return base64.b64decode(text + "=" * (-len(text) % 4), validate=True)
    except (TypeError, ValueError):
        raise ValueError("$binary is not base64") from None


def _decode_escape(tree: dict[str, Any]) -> Any:
    inner = tree["$escape"]
    if type(inner) is not dict:
        return inner
    return {key: from_json(item) for key, item in inner.items()}


def _decode_custom(tree: dict[str, Any]) -> Any:
    try:
        _, _, decode = _TYPES[tree["$type"]]
    except (KeyError, TypeError):
        raise ValueError(f"unknown EJSON type {tree['$type']!r}") from None
    value = from_json(tree["$value"])
    try:
        return decode(value)
    except Exception as error:
        raise ValueError(f"no EJSON {tree['$type']!r} is made from {value!r}") from error


_DECODERS: dict[frozenset[str], Callable[[dict[str, Any]], Any]] = {
    frozenset(["$date"]): _decode_date,
    frozenset(["$regexp", "$flags"]): _decode_regexp,
    frozenset(["$InfNaN"]): _decode_number,
    frozenset(["$binary"]): _decode_binary,
    frozenset(["$escape"]): _decode_escape,
    frozenset(["$type", "$value"]): _decode_custom,
}
_TYPES: dict[str, tuple[type, Callable[[Any], Any], Callable[[Any], Any]]] = {}


_PLAIN_MEMBERS = ("$binary", "$regexp", "$value")


def _plain(value: Any) -> Any:
    if isinstance(value, enum.Enum):
        return _plain(value.value)
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple | AbstractSet):
        return [_plain(item) for item in value]
    if isinstance(value, dt.datetime):
        aware = value.replace(tzinfo=dt.UTC) if value.tzinfo is None else value
        return aware.astimezone(dt.UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    try:
        tree = to_json(value)
    except TypeError:
        return str(value)
    if isinstance(tree, dict):
        return next((tree[name] for name in _PLAIN_MEMBERS if name in tree), None)
    return tree


def _object_id(text: Any) -> ObjectID:
    if not (isinstance(text, str) and re.fullmatch("[0-9a-fA-F]{24}", text)):
        raise ValueError("an ObjectID has 24 hexadecimal digits")
    return ObjectID(text.lower())


add_type("oid", ObjectID, lambda value: value.hex, _object_id)
