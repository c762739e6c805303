"""Notifications into changes, without I/O. The layout is described in sql/functions.sql."""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Literal

import msgspec

from dddp.exceptions import ListenerError

Row = dict[str, Any]


class TableChange(msgspec.Struct, array_like=True):
    """What one statement did to one table, or a part of it.

    Messages of one transaction arrive together, but a statement nested in triggers arrives before
    the one that caused it: net a transaction's rows by old and new, not by their order.

    Attributes:
        xid: `pg_current_xact_id()` of the (outermost) transaction.
        table: `model._meta.db_table`; of a partition, its root's.
        op: 'I' INSERT, 'U' UPDATE, 'D' DELETE, 'T' TRUNCATE.
        rows: I: [[new], ...], U: [[new, old], ...], D: [[old], ...]; each a dict of column name to
            JSON value, hidden columns left out, numbers with a fraction as Decimal. Infinity and
            NaN are strings. None: not listed, query the table again; always None for 'T'.
        n: number of the message within its transaction and channel.
    """

    xid: int
    table: str
    op: Literal["I", "U", "D", "T"]
    rows: list[list[Row]] | None = None
    n: int = 0


@dataclass(frozen=True, slots=True)
class Fence:
    """A mark in the stream, sent by `notify_fence`: its transaction's changes came before."""

    token: str


class GapError(ListenerError):
    """A notification is missing or cannot be read: what is live must be queried again."""


_decode = msgspec.json.Decoder(TableChange, float_hook=Decimal).decode
_OUTLINE = re.compile(rb'\[(\d+),("(?:[^"\\]|\\.)*"),"([IUD])",\[.*\],(\d+)\]', re.DOTALL)
_UNREADABLE = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
_MESSAGE = ord("[")
_LAST_PIECE = ord(".")


class Decoder:
    """Reads the notifications of one LISTEN connection, in the order they arrive.

    Args:
        fence_channel: the channel on which tokens of fences come.
    """

    def __init__(self, fence_channel: str) -> None:
        self._fence_channel = fence_channel.encode()
        self._last: dict[bytes, tuple[int, int]] = {}
        self._pieces: dict[bytes, list[bytes]] = {}

    def feed(self, channel: bytes, payload: bytes) -> TableChange | Fence | None:
        """One notification, its names and text in UTF-8.

        Returns:
            None: a piece of a long message, and not its last.

        Raises:
            GapError: something before it is missing, or it cannot be read. This decoder has lost
                its place then: begin with a new one.
        """
        if channel == self._fence_channel:
            return Fence(payload.decode(errors="replace"))
        if not payload or payload[0] != _MESSAGE:
            whole = self._join(channel, payload)
            if whole is None:
                return None
            payload = whole
        elif channel in self._pieces:
            raise GapError(f"A long message on {channel.decode()} ends early.")
        change = _read(payload)
        xid = change.xid
        before, n = self._last.get(channel, (0, 0))
        expected = n + 1 if before == xid else 0
        if change.n != expected:
            raise GapError(f"Message {expected} of {xid} on {channel.decode()} is lost.")
        self._last[channel] = (xid, expected)
        return change

    def _join(self, channel: bytes, payload: bytes) -> bytes | None:
        """A piece: `+n:i:text`, or `.n:i:text` for the last."""
        pieces = self._pieces.setdefault(channel, [])
        head, _, rest = payload.partition(b":")
        number, _, text = rest.partition(b":")
        if number != b"%d" % len(pieces) or head[:1] not in (b"+", b"."):
            raise GapError(f"A piece of a long message on {channel.decode()} is lost.")
        pieces.append(text)
        if payload[0] != _LAST_PIECE:
            return None
        del self._pieces[channel]
        return b"".join(pieces)


def _read(payload: bytes) -> TableChange:
    try:
        return _decode(payload)
    except _UNREADABLE as error:
        return _read_outline(payload, error)


def _read_outline(payload: bytes, error: Exception) -> TableChange:
    """The change without its rows, one of which holds what JSON parsers refuse.

    PostgreSQL takes numbers of 131072 digits, and lone surrogates and any depth in `json`.
    """
    outline = _OUTLINE.fullmatch(payload)
    if outline is None:
        raise GapError(f"A change message cannot be read: {error}.") from error
    xid, table, op, n = outline.groups()
    return _decode(b'[%s,%s,"%s",null,%s]' % (xid, table, op, n))
