"""SockJS 0.3's envelope for messages over WebSocket: o, h, a[...], c[code,"reason"]."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import msgspec

OPEN: Final = "o"
HEARTBEAT: Final = "h"


class SockJSFramingError(ValueError):
    """What a client sent is no SockJS frame; answer with close 3000, "Broken framing."."""


def decode(text: str) -> list[str]:
    """The messages in a client's frame: a JSON list of strings, or one string; "" holds none."""
    if text == "":
        return []
    try:
        value = msgspec.json.decode(text)
    except (ValueError, RecursionError) as error:
        raise SockJSFramingError("not JSON") from error
    messages = [value] if isinstance(value, str) else value
    if not isinstance(messages, list) or not all(isinstance(each, str) for each in messages):
        raise SockJSFramingError("not a list of strings")
    return messages


def encode(messages: Sequence[str]) -> str:
    """Several messages as one frame."""
    return "a" + msgspec.json.encode(list(messages)).decode()


def close_frame(code: int, reason: str) -> str:
    """What is sent before the connection is closed."""
    return "c" + msgspec.json.encode([code, reason]).decode()


def info(entropy: int) -> dict[str, Any]:
    """The answer to GET /info. `entropy` is a random number of 32 bits."""
    return {"websocket": True, "origins": ["*:*"], "cookie_needed": False, "entropy": entropy}
