"""From a client's text to a message: JSON, then the members that are EJSON."""

from __future__ import annotations

from typing import Any

import msgspec

from dddp import ejson

CODED = ("fields", "params", "result")
"""The members of a message that are EJSON; everything else is plain JSON (Meteor 3)."""


class NotAMessage(Exception):
    """Text that is no JSON object or array."""


def parse(data: str | bytes) -> Any:
    """The dict (or list, which is no message either but can be shown) that a client sent.

    Raises:
        NotAMessage: it is not JSON, or a JSON string, number, boolean or null.
        ValueError: a member cannot be decoded.
        RecursionError: nested too deeply.
    """
    try:
        message = msgspec.json.decode(data)
    except ValueError as error:
        raise NotAMessage from error
    if isinstance(message, list):
        return message
    if not isinstance(message, dict):
        raise NotAMessage
    if _may_hold_ejson(data):
        for key in CODED:
            if key in message:
                message[key] = ejson.from_json(message[key])
    if "cleared" in message and not isinstance(message["cleared"], list):
        raise ValueError("cleared is not an array")
    return message


def _may_hold_ejson(data: str | bytes) -> bool:
    """Most messages do not, and looking is far cheaper than walking through them."""
    if isinstance(data, str):
        return '"$' in data or '"\\u0024' in data
    return b'"$' in data or b'"\\u0024' in data
