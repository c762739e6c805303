"""The messages of a server (DDP 1), byte for byte where a client could tell."""

from __future__ import annotations

import datetime as dt
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dddp.ejson import ObjectID
from dddp.exceptions import MeteorError
from dddp.protocol import messages
from dddp.protocol.frames import Frame
from dddp.protocol.messages import id_from_wire, id_to_wire

texts = st.text(st.characters(exclude_categories=["Cs"]))
NEW_YEAR = dt.datetime(2024, 1, 1, tzinfo=dt.UTC)
HEX = "0123456789abcdef01234567"
NOT_FOUND = MeteorError(404, "Not found").as_wire()


@pytest.mark.parametrize(
    ("frame", "message"),
    [
        (messages.connected("abc"), {"msg": "connected", "session": "abc"}),
        (messages.failed("1"), {"msg": "failed", "version": "1"}),
        (messages.ping(), {"msg": "ping"}),
        (messages.pong(), {"msg": "pong"}),
        (messages.pong(""), {"msg": "pong", "id": ""}),
        (messages.pong("7"), {"msg": "pong", "id": "7"}),
        (messages.error("Bad request"), {"msg": "error", "reason": "Bad request"}),
        (
            messages.error("Bad request", None),
            {"msg": "error", "reason": "Bad request", "offendingMessage": None},
        ),
        (
            messages.error("Bad request", {"params": [NEW_YEAR]}),
            {
                "msg": "error",
                "reason": "Bad request",
                "offendingMessage": {"params": ["2024-01-01T00:00:00.000Z"]},
            },
        ),
        (messages.nosub("s"), {"msg": "nosub", "id": "s"}),
        (messages.nosub(""), {"msg": "nosub", "id": ""}),
        (messages.nosub(None), {"msg": "nosub"}),
        (messages.nosub("s", NOT_FOUND), {"msg": "nosub", "id": "s", "error": NOT_FOUND}),
        (messages.ready(["a", "b"]), {"msg": "ready", "subs": ["a", "b"]}),
        (messages.updated("1"), {"msg": "updated", "methods": ["1"]}),
        (messages.result("1"), {"msg": "result", "id": "1"}),
        (messages.result("1", None), {"msg": "result", "id": "1", "result": None}),
        (messages.result("1", []), {"msg": "result", "id": "1", "result": []}),
        (
            messages.result("1", NEW_YEAR),
            {"msg": "result", "id": "1", "result": {"$date": 1704067200000}},
        ),
        (messages.result("1", error=NOT_FOUND), {"msg": "result", "id": "1", "error": NOT_FOUND}),
        (
            messages.result("1", error=MeteorError("x", details=NEW_YEAR).as_wire()),
            {
                "msg": "result",
                "id": "1",
                "error": {
                    "isClientSafe": True,
                    "error": "x",
                    "details": "2024-01-01T00:00:00.000Z",
                    "message": "[x]",
                    "errorType": "Meteor.Error",
                },
            },
        ),
        (
            messages.added("c", b'"1"', b'{"a":1}'),
            {"msg": "added", "collection": "c", "id": "1", "fields": {"a": 1}},
        ),
        (messages.added("c", b'"1"', b"{}"), {"msg": "added", "collection": "c", "id": "1"}),
        (
            messages.changed("c", b'"1"', b'{"a":1}', ["b"]),
            {"msg": "changed", "collection": "c", "id": "1", "fields": {"a": 1}, "cleared": ["b"]},
        ),
        (
            messages.changed("c", b'"1"', b"{}", ["b"]),
            {"msg": "changed", "collection": "c", "id": "1", "cleared": ["b"]},
        ),
        (
            messages.changed("c", b'"1"', b'{"a":1}'),
            {"msg": "changed", "collection": "c", "id": "1", "fields": {"a": 1}},
        ),
        (messages.removed("c", b'"1"'), {"msg": "removed", "collection": "c", "id": "1"}),
    ],
)
def test_messages(frame: Frame, message: dict[str, Any]) -> None:
    assert json.loads(frame.data) == message


@given(texts, texts, texts)
def test_any_names(collection: str, id: str, field: str) -> None:
    fields = json.dumps({field: id}).encode()
    for frame in (
        messages.added(collection, id_to_wire(id), fields),
        messages.changed(collection, id_to_wire(id), fields, [field]),
        messages.removed(collection, id_to_wire(id)),
    ):
        message = json.loads(frame.data)
        assert message["collection"] == collection
        assert id_from_wire(message["id"]) == id
        assert message.get("fields", {field: id}) == {field: id}


def test_what_has_no_form_is_no_result() -> None:
    with pytest.raises(TypeError):
        messages.result("1", object())


class TestDocumentIds:
    """Meteor 3, mongo-id: idStringify and idParse."""

    @pytest.mark.parametrize(
        ("id", "wire"),
        [
            ("1", "1"),
            ("", ""),
            ("a-b", "a-b"),
            ("-1", "--1"),
            ("-", "--"),
            ("~x", "-~x"),
            ("{}", "-{}"),
            (HEX, "-" + HEX),
            (HEX.upper(), HEX.upper()),
            (HEX + "0", HEX + "0"),
            (HEX + "\n", HEX + "\n"),
            ("é", "é"),
            ('"', '"'),
        ],
    )
    def test_strings(self, id: str, wire: str) -> None:
        assert json.loads(id_to_wire(id)) == wire
        assert id_from_wire(wire) == id

    @pytest.mark.parametrize(
        ("wire", "id"),
        [(HEX, ObjectID(HEX)), ("~1", 1), ("~true", True), ("~null", None), ("-", None)],
    )
    def test_other_kinds(self, wire: str, id: Any) -> None:
        assert id_from_wire(wire) == id

    @pytest.mark.parametrize("wire", ["~", "~x", "~{"])
    def test_broken(self, wire: str) -> None:
        with pytest.raises(ValueError):  # noqa: PT011, whichever
            id_from_wire(wire)

    @given(texts)
    def test_every_string_comes_back(self, id: str) -> None:
        assert id_from_wire(json.loads(id_to_wire(id))) == id
