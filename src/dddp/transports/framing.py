"""How a DDP message travels in a WebSocket message: bare, or in SockJS's envelope."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from operator import attrgetter, methodcaller
from typing import Protocol

from dddp.protocol import sockjs
from dddp.protocol.frames import Frame
from dddp.transports.peers import Outbox

NORMAL = 1000
TOO_BIG = (1009, "Message too big")
FAILED = (1011, "Internal error")
BROKEN_FRAMING = (3000, "Broken framing.")

CLOSE_SECONDS = 2.0
"""How long a close may take to be written: the client may not be reading at all."""

Form = Callable[[Frame], bytes]


class Rejected(Exception):
    """What a client has sent is not taken in; its connection is closed with `close`."""

    def __init__(self, close: tuple[int, str]) -> None:
        super().__init__(*close)
        self.close = close


def websocket_limit(message_bytes: int) -> int:
    """The largest WebSocket message that can hold one DDP message of `message_bytes`.

    In SockJS's envelope a quote is two bytes and a character of two may be six (`\\u00e9`).
    """
    return 3 * message_bytes + 1024


class Framing(Protocol):
    """One way to wrap messages; `transport` is its name in `ConnectionInfo`."""

    transport: str
    opening: str | None

    def encode(self, frame: Frame) -> str:
        """The text of one outgoing WebSocket message."""

    def form(self, compress: int | None) -> Form:
        """What makes it a WebSocket frame, compressed from so many bytes on; None: never."""

    def decode(self, data: str | bytes) -> Sequence[str | bytes]:
        """The DDP messages in one incoming WebSocket message.

        Raises:
            sockjs.SockJSFramingError: there is no telling what it holds.
        """

    def closing(self, code: int, reason: str) -> str | None:
        """What is sent before the close, None for nothing."""


class Raw:
    """One DDP message per WebSocket message, text or binary."""

    transport = "websocket"
    opening: str | None = None

    def encode(self, frame: Frame) -> str:
        return frame.text

    def form(self, compress: int | None) -> Form:
        if compress is None:
            return attrgetter("websocket")
        return methodcaller("deflated", compress)

    def decode(self, data: str | bytes) -> Sequence[str | bytes]:
        return (data,)

    def closing(self, code: int, reason: str) -> str | None:
        return None


class SockJS:
    """SockJS 0.3, "Protocol and framing": o, a[...], c[code,"reason"].

    Its optional WebSocket ping after 45 s is left out: ASGI has no ping, and DDP's own heartbeat
    is never silent for so long.
    """

    transport = "sockjs-websocket"
    opening: str | None = sockjs.OPEN

    def encode(self, frame: Frame) -> str:
        return frame.sockjs

    def form(self, compress: int | None) -> Form:
        if compress is None:
            return attrgetter("websocket_sockjs")
        return methodcaller("deflated_sockjs", compress)

    def decode(self, data: str | bytes) -> Sequence[str | bytes]:
        if isinstance(data, bytes):
            try:
                data = data.decode()
            except UnicodeDecodeError as error:
                raise sockjs.SockJSFramingError(str(error)) from error
        return sockjs.decode(data)

    def closing(self, code: int, reason: str) -> str | None:
        return sockjs.close_frame(code, reason)


RAW = Raw()
SOCKJS = SockJS()


def close_of(outbox: Outbox) -> tuple[int, str]:
    """The code and the reason with which a connection ends because its outbox is closed."""
    return outbox.close_code or NORMAL, outbox.close_reason


def incoming(framing: Framing, data: str | bytes, limit: int) -> Iterator[str | bytes]:
    """The DDP messages in one WebSocket message, each of at most `limit` bytes.

    Raises:
        Rejected: behind those that come before.
    """
    if len(data) > websocket_limit(limit):
        raise Rejected(TOO_BIG)
    try:
        messages = framing.decode(data)
    except sockjs.SockJSFramingError as error:
        raise Rejected(BROKEN_FRAMING) from error
    for message in messages:
        if exceeds(limit, message):
            raise Rejected(TOO_BIG)
        yield message


def exceeds(limit: int, data: str | bytes) -> bool:
    """Is a message larger? It is encoded only where its length leaves that open."""
    if len(data) > limit:
        return True
    return isinstance(data, str) and not data.isascii() and len(data.encode()) > limit
