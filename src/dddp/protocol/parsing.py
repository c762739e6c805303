"""From a client's text to a message: JSON, then the members that are EJSON."""

from __future__ import annotations

from typing import Any

import msgspec

from dddp import ejson

CODED = ("fields", "params", "result")
"""The members of a message that are EJSON; everything else is plain JSON (Meteor 3)."""

MAX_DEPTH = 200
"""Objects and arrays within each other. What is deeper could not be walked through, by us or by
the application: Python's stack holds 1000 calls."""

SMALL = 16 * 1024
LARGE = 128 * 1024
MANY_VALUES = 1000
"""What takes long is many values, at up to a microsecond each, and text only if there is much."""


class NotAMessage(Exception):
    """Text that is no JSON object or array, or one that is nested too deeply."""


def parse(data: str | bytes) -> Any:
    """The dict (or list, which is no message either but can be shown) that a client sent.

    Raises:
        NotAMessage: it is not JSON, or a JSON string, number, boolean or null, or too deep.
        ValueError: a member cannot be decoded.
    """
    try:
        message = msgspec.json.decode(data)
    except (ValueError, RecursionError) as error:
        raise NotAMessage from error
    if not isinstance(message, dict | list) or (_may_be_deep(data) and _is_deep(message)):
        raise NotAMessage
    if isinstance(message, list):
        return message
    if _may_hold_ejson(data):
        for key in CODED:
            if key in message:
                message[key] = ejson.from_json(message[key])
    if "cleared" in message and not isinstance(message["cleared"], list):
        raise ValueError("cleared is not an array")
    return message


def takes_long(data: str | bytes) -> bool:
    """May it take longer than a millisecond or two to parse this message, and to answer it?"""
    if len(data) <= SMALL:
        return False
    if isinstance(data, str):
        values = data.count(",") + data.count("[") + data.count("{")
    else:
        values = data.count(b",") + data.count(b"[") + data.count(b"{")
    return len(data) > LARGE or values > MANY_VALUES


def _may_hold_ejson(data: str | bytes) -> bool:
    """Most messages do not, and looking is far cheaper than walking through them."""
    if isinstance(data, str):
        return '"$' in data or '"\\u0024' in data
    return b'"$' in data or b'"\\u0024' in data


def _may_be_deep(data: str | bytes) -> bool:
    if isinstance(data, str):
        return data.count("[") + data.count("{") > MAX_DEPTH
    return data.count(b"[") + data.count(b"{") > MAX_DEPTH


def _is_deep(tree: dict[str, Any] | list[Any]) -> bool:
    level: list[Any] = [tree]
    for _ in range(MAX_DEPTH):
        level = [
            item
            for each in level
            for item in (each.values() if type(each) is dict else each)
            if type(item) is dict or type(item) is list
        ]
        if not level:
            return False
    return True
