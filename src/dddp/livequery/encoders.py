"""From the JSON value of a column in a row image to its EJSON text on the wire, by type.

Date-times become EJSON dates; dates, times and durations ISO 8601 strings; numerics and UUIDs
strings; bytea EJSON binary; floats that JSON lacks $InfNaN; JSON columns themselves, escaped.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable
from decimal import Decimal
from functools import cache
from typing import Any

import msgspec
from django.utils.dateparse import parse_duration
from django.utils.duration import duration_iso_string

from dddp import ejson
from dddp.ejson import EPOCH, MILLISECOND

Encoder = Callable[[Any], bytes]

NULL = b"null"
INFINITIES = {"Infinity": b'{"$InfNaN":1}', "-Infinity": b'{"$InfNaN":-1}', "NaN": b'{"$InfNaN":0}'}
RANGE = re.compile(r'([\[(])("(?:[^"\\]|\\.|"")*"|[^",]*),("(?:[^"\\]|\\.|"")*"|[^",]*)([\])])')

to_json_text = msgspec.json.Encoder(decimal_format="number").encode
IMAGE_DECODER = msgspec.json.Decoder(float_hook=Decimal)


def plain(value: Any) -> bytes:
    """Numbers, strings, booleans: the JSON as it is."""
    return to_json_text(value)


def escaped(value: Any) -> bytes:
    """A JSON column: itself, with $escape around objects that look like EJSON."""
    text = to_json_text(value)
    return to_json_text(_escaped(value)) if b'"$' in text else text


def string(value: Any) -> bytes:
    """Exact numbers as strings, without exponents: 1E+2 is "100"."""
    if isinstance(value, Decimal):
        value = format(value, "f")
    return to_json_text(str(value))


def real(value: Any) -> bytes:
    """Floats; PostgreSQL writes those that JSON lacks as strings, and 1e300 in two ways."""
    return INFINITIES[value] if isinstance(value, str) else to_json_text(float(value))


def moment(value: Any) -> bytes:
    """A timestamp as milliseconds since 1970 (UTC where it has no zone); else its own text."""
    try:
        parsed = dt.datetime.fromisoformat(value)
    except ValueError:  # infinity, or a year Python does not have
        return to_json_text(value)
    if parsed.tzinfo is None:
        parsed = parsed.replace(tzinfo=dt.UTC)
    return b'{"$date":%d}' % ((parsed - EPOCH) // MILLISECOND)


def duration(value: Any) -> bytes:
    """An interval as an ISO 8601 duration; with months or too long, as PostgreSQL writes it."""
    try:
        parsed = parse_duration(value)
    except OverflowError:
        parsed = None
    return to_json_text(value if parsed is None else duration_iso_string(parsed))


def binary(value: Any) -> bytes:
    r"""Bytes, written \x... by PostgreSQL."""
    return ejson.dumps(bytes.fromhex(value[2:]))


def list_of(encoder: Encoder) -> Encoder:
    """An array, of any number of dimensions."""

    def encode(value: Any) -> bytes:
        if value is None:
            return NULL
        if isinstance(value, list):
            return b"[%s]" % b",".join(map(encode, value))
        return encoder(value)

    return encode


def range_of(encoder: Encoder) -> Encoder:
    """A range as {lower, upper, bounds}; an open end is null; an empty range has bounds ""."""

    def end(text: str) -> bytes:
        if text == "":
            return NULL
        if text.startswith('"'):
            text = re.sub(r'\\(.)|""', lambda m: m[1] or '"', text[1:-1])
        return encoder(text)

    def encode(value: Any) -> bytes:
        match = RANGE.fullmatch(value)
        if match is None:
            return b'{"lower":null,"upper":null,"bounds":""}'
        bounds = to_json_text(match[1] + match[4])
        return b'{"lower":%s,"upper":%s,"bounds":%s}' % (end(match[2]), end(match[3]), bounds)

    return encode


def _integer_text(text: str) -> bytes:
    return b"%d" % int(text)


def _escaped(value: Any) -> Any:
    if isinstance(value, list):
        return [_escaped(item) for item in value]
    if isinstance(value, dict):
        tree = {key: _escaped(item) for key, item in value.items()}
        return {"$escape": tree} if ejson.looks_encoded(tree) else tree
    return value


ENCODERS: dict[str, Encoder] = {
    "float4": real,
    "float8": real,
    "numeric": string,
    "timestamptz": moment,
    "timestamp": moment,
    "interval": duration,
    "bytea": binary,
    "json": escaped,
    "jsonb": escaped,
    "hstore": escaped,
    "int4range": range_of(_integer_text),
    "int8range": range_of(_integer_text),
    "numrange": range_of(string),
    "daterange": range_of(plain),
    "tsrange": range_of(moment),
    "tstzrange": range_of(moment),
}


@cache
def encoder_for(type_name: str) -> Encoder:
    """The encoder for a PostgreSQL type as pg_type names it ("_int4" is an array of int4)."""
    if type_name.startswith("_"):
        return list_of(ENCODERS.get(type_name[1:], plain))
    return ENCODERS.get(type_name, escaped)
