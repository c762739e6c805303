"""Builders of the messages a DDP server sends (DDP 1). Each returns a `Frame`.

Document ids are given as `id_to_wire` makes them and fields as the text of a JSON object: both
are encoded once and shared. An empty `fields` is left out, as is an absent result or error.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

import msgspec

from dddp import ejson
from dddp.protocol.frames import Answer, Document, Frame, Heartbeat

MISSING: Final = object()
"""Stands for JavaScript's undefined: the key is left out."""

encode = msgspec.json.encode
_MARKED = re.compile(r"[-~{]|[0-9a-f]{24}\Z")
_PING = Heartbeat(b'{"msg":"ping"}')
_PONG = Heartbeat(b'{"msg":"pong"}')


def id_to_wire(value: str) -> bytes:
    """A string id as JSON text; one that could be taken for another kind gets a "-" (Meteor 3)."""
    return encode("-" + value if _MARKED.match(value) else value)


def id_from_wire(text: str) -> Any:
    """The id that a client means: a string, an ObjectID, or what follows a "~" as JSON.

    "-" alone is JavaScript's undefined: None. Raises ValueError for a "~" followed by no JSON.
    """
    if text.startswith("-"):
        return text[1:] or None
    if text.startswith("~"):
        return msgspec.json.decode(text[1:])
    if re.fullmatch("[0-9a-f]{24}", text):
        return ejson.ObjectID(text)
    return text


def connected(session_id: str) -> Frame:
    """The client has a session."""
    return Frame(b'{"msg":"connected","session":%s}' % encode(session_id))


def failed(version: str) -> Frame:
    """No common version; the one the server would rather speak."""
    return Frame(b'{"msg":"failed","version":%s}' % encode(version))


def error(reason: str, offending: Any = MISSING) -> Frame:
    """A message that could not be used, shown as plain JSON."""
    message = {"msg": "error", "reason": reason}
    if offending is not MISSING:
        message["offendingMessage"] = offending
    return Frame(ejson.encode_plain(message))


def ping() -> Frame:
    """Is the client there?"""
    return _PING


def pong(id: str | None = None) -> Frame:
    """The server is."""
    return _PONG if id is None else Heartbeat(b'{"msg":"pong","id":%s}' % encode(id))


def nosub(id: str | None, error: dict[str, Any] | None = None) -> Frame:
    """The subscription has ended, or never began."""
    message: dict[str, Any] = {"msg": "nosub"}
    if id is not None:
        message["id"] = id
    if error is not None:
        message["error"] = error
    return Answer(ejson.encode_plain(message), ("sub", id))


def ready(ids: Sequence[str]) -> Frame:
    """The first documents of these subscriptions have been sent."""
    return Frame(b'{"msg":"ready","subs":%s}' % encode(list(ids)))


def updated(id: str) -> Frame:
    """All data this method wrote has been sent."""
    return Answer(b'{"msg":"updated","methods":[%s]}' % encode(id), ("method", id))


def result(id: str, result: Any = MISSING, error: dict[str, Any] | None = None) -> Frame:
    """What a method returned (EJSON), or the error it ended with (plain JSON)."""
    head = b'{"msg":"result","id":%s' % encode(id)
    if error is not None:
        tail = b',"error":%s}' % ejson.encode_plain(error)
    else:
        tail = b"}" if result is MISSING else b',"result":%s}' % ejson.dumps(result)
    return Answer(head + tail, ("method", id))


def added(collection: str, id: bytes, fields: bytes) -> Frame:
    """The client sees a document it did not see before."""
    tail = b"}" if fields == b"{}" else b',"fields":%s}' % fields
    return Document(b'{"msg":"added","collection":%s,"id":%s%s' % (encode(collection), id, tail))


def all_added(collection: str, documents: Mapping[bytes, bytes]) -> Iterator[Frame]:
    """`added` for each of many documents, by id."""
    head = b'{"msg":"added","collection":%s,"id":' % encode(collection)
    for id, fields in documents.items():
        tail = b"}" if fields == b"{}" else b',"fields":%s}' % fields
        yield Document(head + id + tail)


def changed(collection: str, id: bytes, fields: bytes, cleared: Sequence[str] = ()) -> Frame:
    """Fields of a document have another value, or are gone."""
    head = b'{"msg":"changed","collection":%s,"id":%s' % (encode(collection), id)
    middle = b"" if fields == b"{}" else b',"fields":' + fields
    tail = b',"cleared":%s}' % encode(list(cleared)) if cleared else b"}"
    return Document(head + middle + tail)


def removed(collection: str, id: bytes) -> Frame:
    """The client sees the document no more."""
    return Frame(b'{"msg":"removed","collection":%s,"id":%s}' % (encode(collection), id))
