"""Texts that are messages, and those that are none."""

from __future__ import annotations

import contextlib
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dddp.ejson import ObjectID
from dddp.protocol.parsing import MAX_DEPTH, NotAMessage, parse

HEX = "0123456789abcdef01234567"
OID = {"$type": "oid", "$value": HEX}


def nested(levels: int) -> Any:
    tree: Any = []
    for _ in range(levels - 1):
        tree = [tree]
    return tree


class TestParse:
    @pytest.mark.parametrize("message", [{}, [], {"msg": "x", "params": [1]}, {"cleared": []}])
    def test_messages(self, message: Any) -> None:
        assert parse(json.dumps(message)) == parse(json.dumps(message).encode()) == message

    @pytest.mark.parametrize("key", ["params", "fields", "result"])
    def test_members_that_are_ejson(self, key: str) -> None:
        assert parse(json.dumps({key: [OID]})) == {key: [ObjectID(HEX)]}

    @pytest.mark.parametrize("key", ["id", "error", "cleared", "$date"])
    def test_members_that_are_json(self, key: str) -> None:
        assert parse(json.dumps({key: [OID]})) == {key: [OID]}

    def test_depth(self) -> None:
        assert parse(json.dumps(nested(MAX_DEPTH))) == nested(MAX_DEPTH)
        with pytest.raises(NotAMessage):
            parse(json.dumps(nested(MAX_DEPTH + 1)))

    def test_brackets_in_strings_are_not_deep(self) -> None:
        assert parse(json.dumps(["[" * 1000])) == ["[" * 1000]

    @given(st.text() | st.binary())
    def test_raises_what_it_says(self, data: str | bytes) -> None:
        with contextlib.suppress(NotAMessage, ValueError):
            assert isinstance(parse(data), dict | list)
