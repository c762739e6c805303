"""WebSocket frames (RFC 6455) as a server reads and writes them, compressed or not (RFC 7692).

Compression knows no context: each message is compressed by itself, in both directions. So what
goes to many is compressed once, and a connection keeps no window.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from struct import Struct
from typing import Final

from websockets.frames import EXTERNAL_CLOSE_CODES

try:
    from websockets.speedups import apply_mask
except ImportError:
    from websockets.utils import apply_mask

CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG = 0, 1, 2, 8, 9, 10
OPCODES: Final = frozenset((CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG))

FIN, RSV1, RESERVED, MASKED = 0x80, 0x40, 0x70, 0x80
CONTROL_BYTES = 125

NO_STATUS = 1005
PROTOCOL_ERROR, INVALID_TEXT, TOO_BIG = 1002, 1007, 1009

WINDOW_BITS = 12
"""Of what is sent: clients that ask for a small window (`websockets` does) get the same bytes."""
LEVEL = 1
"""A third of the time of 6, and hardly larger: text without a context repeats little."""
MOST_BYTES = 256 * 1024
"""Compressing more would hold up everybody else."""
EMPTY_BLOCK = b"\x00\x00\xff\xff"
"""Ends each flush; it is not sent (RFC 7692, 7.2.1)."""

_medium_head, _long_head = Struct(">BBH").pack, Struct(">BBQ").pack


@dataclass(frozen=True, slots=True)
class Control:
    """A ping or pong."""

    opcode: int
    payload: bytes


@dataclass(frozen=True, slots=True)
class Closed:
    """The end of what is read: the client's close, or `failed`: the code to close with."""

    code: int
    reason: str = ""
    failed: bool = False


class _Failure(Exception):
    def __init__(self, code: int, reason: str) -> None:
        self.code, self.reason = code, reason


Item = str | bytes | Control | Closed


class Parser:
    """Takes in the bytes of one client, however they are cut.

    Args:
        limit: bytes of a message, compressed or not.
        deflate: compression has been negotiated.
    """

    __slots__ = ("_buffer", "_deflate", "_ended", "_first", "_limit", "_message", "_need")

    def __init__(self, limit: int, deflate: bool = False) -> None:
        self._limit = limit
        self._deflate = deflate
        self._ended = False
        self._buffer: bytearray | None = None
        self._need = 0
        self._first = 0
        """The first byte of a message in fragments that goes on; 0 when there is none."""
        self._message: bytearray | None = None

    def feed(self, data: bytes) -> list[Item]:
        """The messages (str, or bytes of binary ones) and other items that are complete now.

        `Closed` is the last one that ever comes.
        """
        if self._ended:
            return []
        if self._buffer is not None:
            self._buffer += data
            if len(self._buffer) < self._need:
                return []
            data, self._buffer = bytes(self._buffer), None
        items: list[Item] = []
        at = 0
        try:
            while (end := self._frame(data, at, items)) and not self._ended:
                at = end
        except _Failure as failure:
            self._ended = True
            items.append(Closed(failure.code, failure.reason, failed=True))
        if self._ended:
            self._message = None
        elif at < len(data):
            self._buffer = bytearray(data[at:])
        return items

    def _frame(self, data: bytes, at: int, items: list[Item]) -> int:
        """Take the frame that begins there; returns where it ends, 0 while it is incomplete."""
        available = len(data) - at
        begin = at + 6
        if available < 2:
            self._need = 2
            return 0
        size = data[at + 1] & 0x7F
        if size > 125:
            begin += 2 if size == 126 else 8
            if available < begin - at - 4:
                self._need = begin - at - 4
                self._check_head(data[at], data[at + 1])
                return 0
            size = int.from_bytes(data[at + 2 : begin - 4], "big")
        self._check_head(data[at], data[at + 1])
        self._check_size(data[at], size)
        end = begin + size
        if len(data) < end:
            self._need = end - at
            return 0
        payload = data[begin:end]
        if payload:
            payload = apply_mask(payload, data[begin - 4 : begin])
        self._take(data[at], payload, items)
        return end

    def _check_head(self, first: int, second: int) -> None:
        if first & 0x0F not in OPCODES:
            raise _Failure(PROTOCOL_ERROR, "invalid opcode")
        if not second & MASKED:
            raise _Failure(PROTOCOL_ERROR, "incorrect masking")

    def _check_size(self, first: int, size: int) -> None:
        opcode = first & 0x0F
        before = len(self._message) if self._message and opcode == CONTINUATION else 0
        if before + size > self._limit:
            raise _Failure(TOO_BIG, "Message too big")
        compressed = self._deflate and opcode in (TEXT, BINARY)
        if first & RESERVED & ~(RSV1 if compressed else 0):
            raise _Failure(PROTOCOL_ERROR, "reserved bits must be 0")
        if opcode >= CLOSE and (size > CONTROL_BYTES or not first & FIN):
            raise _Failure(PROTOCOL_ERROR, "invalid control frame")

    def _take(self, first: int, payload: bytes, items: list[Item]) -> None:
        opcode = first & 0x0F
        if opcode >= CLOSE:
            items.append(self._control(opcode, payload))
            return
        if (opcode == CONTINUATION) != (self._first != 0):
            raise _Failure(PROTOCOL_ERROR, "unexpected fragment")
        if opcode != CONTINUATION:
            if first & FIN:
                items.append(self._whole(first, payload))
                return
            self._first = first
            self._message = bytearray()
        assert self._message is not None
        self._message += payload
        if first & FIN:
            whole = self._whole(self._first, bytes(self._message))
            self._first, self._message = 0, None
            items.append(whole)

    def _whole(self, first: int, payload: bytes) -> str | bytes:
        if first & RSV1:
            payload = inflate(payload, self._limit)
        return payload if first & 0x0F == BINARY else _text(payload)

    def _control(self, opcode: int, payload: bytes) -> Item:
        if opcode != CLOSE:
            return Control(opcode, payload)
        self._ended = True
        if not payload:
            return Closed(NO_STATUS)
        code = int.from_bytes(payload[:2], "big")
        reason = _text(payload[2:])
        if len(payload) < 2 or not (code in EXTERNAL_CLOSE_CODES or 3000 <= code < 5000):
            raise _Failure(PROTOCOL_ERROR, "invalid close")
        return Closed(code, reason)


def frame(payload: bytes, opcode: int = TEXT, rsv1: bool = False) -> bytes:
    """A whole unmasked frame."""
    first = FIN | opcode | (RSV1 if rsv1 else 0)
    size = len(payload)
    if size < 126:
        return bytes((first, size)) + payload
    if size < 65536:
        return _medium_head(first, 126, size) + payload
    return _long_head(first, 127, size) + payload


def close(code: int, reason: str = "") -> bytes:
    """A close frame; a reason that is too long is cut."""
    if code == NO_STATUS:
        return frame(b"", CLOSE)
    text = reason.encode()[: CONTROL_BYTES - 2].decode(errors="ignore")
    return frame(code.to_bytes(2, "big") + text.encode(), CLOSE)


def deflated(payload: bytes) -> bytes | None:
    """A compressed text frame, None if that is not worth it."""
    if len(payload) > MOST_BYTES:
        return None
    deflater = zlib.compressobj(LEVEL, zlib.DEFLATED, -WINDOW_BITS, 5)
    body = deflater.compress(payload) + deflater.flush(zlib.Z_SYNC_FLUSH)
    body = body[: -len(EMPTY_BLOCK)]
    return frame(body, rsv1=True) if len(body) < len(payload) else None


def _text(payload: bytes) -> str:
    try:
        return payload.decode()
    except UnicodeDecodeError as error:
        raise _Failure(INVALID_TEXT, "invalid UTF-8") from error


def inflate(payload: bytes, limit: int) -> bytes:
    """A compressed message; what would be larger than `limit` is not inflated any further."""
    inflater = zlib.decompressobj(-zlib.MAX_WBITS)
    try:
        message = inflater.decompress(payload + EMPTY_BLOCK, limit + 1)
    except zlib.error as error:
        raise _Failure(PROTOCOL_ERROR, "decompression failed") from error
    if len(message) > limit:
        raise _Failure(TOO_BIG, "Message too big")
    return message
