"""SockJS 0.3's frames - o, h, a[...], c[code,"reason"] - and what wraps them in HTTP responses."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Any, Final

import msgspec

OPEN: Final = "o"
HEARTBEAT: Final = "h"

MANGLED = re.compile("[\u200c-\u200f\u2028-\u202f\u2060-\u206f\ufff0-\uffff]")
"""What browsers may change on the way, or take for an end of line ("JSON Unicode Encoding")."""

XHR_PRELUDE = "h" * 2048 + "\n"
"""Older browsers hand nothing on before they have 2 KiB."""

EVENTSOURCE_PRELUDE = "\r\n"

HTMLFILE_PAGE = """<!doctype html>
<html><head>
  <meta http-equiv="X-UA-Compatible" content="IE=edge" />
  <meta http-equiv="Content-Type" content="text/html; charset=UTF-8" />
</head><body><h2>Don't panic!</h2>
  <script>
    document.domain = document.domain;
    var c = parent.%s;
    c.start();
    function p(d) {c.message(d);};
    window.onload = function() {c.stop();};
  </script>
"""
HTMLFILE_LEAST = 1024
"""Characters that Safari wants before it begins to read a page."""

CALLBACK = re.compile(r"[a-zA-Z0-9_.-]{1,32}")


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


def encode(messages: Iterable[str]) -> str:
    """Several messages as one frame."""
    return f"a[{','.join(map(_quote, messages))}]"


def join(frames: Sequence[str]) -> str:
    """Several frames of messages as one, nothing encoded again."""
    if len(frames) == 1:
        return frames[0]
    return f"a[{','.join([frame[2:-1] for frame in frames])}]"


def close_frame(code: int, reason: str) -> str:
    """What is sent before the connection is closed."""
    return f"c[{code},{_quote(reason)}]"


def line(frame: str) -> str:
    """A frame in a response of xhr or xhr_streaming."""
    return frame + "\n"


def event(frame: str) -> str:
    """A frame in a response of eventsource; the client calls decodeURI on it."""
    return f"data: {frame.replace('%', '%25')}\r\n\r\n"


def script(frame: str) -> str:
    """A frame in a response of htmlfile."""
    return f"<script>\np({_script_string(frame)});\n</script>\r\n"


def jsonp(callback: str, frame: str) -> str:
    """A response of jsonp; the comment keeps it from being taken for a Flash file."""
    return f"/**/{callback}({_script_string(frame)});\r\n"


def htmlfile_prelude(callback: str) -> str:
    """The beginning of a page that hands each frame to the page around it."""
    page = HTMLFILE_PAGE % callback
    return page.ljust(HTMLFILE_LEAST + len(callback)) + "\r\n\r\n"


def valid_callback(name: str) -> bool:
    """Whether a name that becomes part of a script can do no harm."""
    return CALLBACK.fullmatch(name) is not None


def info(entropy: int, *, websocket: bool, cookie_needed: bool) -> dict[str, Any]:
    """The answer to GET /info.

    Args:
        entropy: a random number of 32 bits.
        websocket: whether clients may try that first.
        cookie_needed: whether a balancer needs a cookie to find the right server.
    """
    return {
        "websocket": websocket,
        "origins": ["*:*"],
        "cookie_needed": cookie_needed,
        "entropy": entropy,
    }


def _quote(text: str) -> str:
    quoted = msgspec.json.encode(text).decode()
    return quoted if quoted.isascii() else MANGLED.sub(_escape, quoted)


def _escape(found: re.Match[str]) -> str:
    return f"\\u{ord(found[0]):04x}"


def _script_string(frame: str) -> str:
    """A JavaScript string that cannot end the script it is in."""
    return msgspec.json.encode(frame).decode().replace("<", "\\u003c")
