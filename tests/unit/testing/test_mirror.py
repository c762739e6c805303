"""What the test client makes of messages, and which it reports."""

from __future__ import annotations

import datetime as dt
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dddp.testing.mirror import Mirror

ADDED = {"msg": "added", "collection": "c", "id": "1", "fields": {"a": 1, "b": 2}}


def mirror(*messages: Any) -> Mirror:
    one = Mirror()
    for message in ({"msg": "connected", "session": "s"}, *messages):
        one.receive(json.dumps(message))
    return one


class TestDocuments:
    def test_follow_the_messages(self) -> None:
        one = mirror(
            ADDED,
            {"msg": "added", "collection": "c", "id": "2"},
            {"msg": "changed", "collection": "c", "id": "1", "fields": {"a": 3}, "cleared": ["b"]},
        )
        assert one.collections["c"] == {"1": {"a": 3}, "2": {}}
        one.receive('{"msg":"removed","collection":"c","id":"2"}')
        assert one.collections["c"] == {"1": {"a": 3}}
        assert one.violations == []

    def test_fields_are_ejson(self) -> None:
        one = mirror({**ADDED, "fields": {"day": {"$date": 0}}})
        assert one.collections["c"]["1"] == {"day": dt.datetime(1970, 1, 1, tzinfo=dt.UTC)}

    def test_ids_are_decoded(self) -> None:
        assert list(mirror({**ADDED, "id": "--5"}).collections["c"]) == ["-5"]


class TestSubscriptionsAndCalls:
    def test_ready_and_ended(self) -> None:
        one = mirror({"msg": "ready", "subs": ["1", "2"]}, {"msg": "nosub", "id": "1"})
        one.receive('{"msg":"nosub","id":"3","error":{"error":404}}')
        assert one.ready == {"1", "2"}
        assert one.ended == {"1": None, "3": {"error": 404}}

    def test_results_are_ejson(self) -> None:
        one = mirror()
        one.sent({"msg": "method", "id": "1", "method": "m"})
        one.receive('{"msg":"updated","methods":["1"]}')
        one.receive('{"msg":"result","id":"1","result":{"$binary":"YQ=="}}')
        assert one.results["1"]["result"] == b"a"
        assert one.updated == {"1"}
        assert one.violations == []

    def test_two_calls_with_one_id_have_two_answers(self) -> None:
        one = mirror()
        for _ in range(2):
            one.sent({"msg": "method", "id": "1", "method": "m"})
            one.receive('{"msg":"result","id":"1"}')
            one.receive('{"msg":"updated","methods":["1"]}')
        assert one.violations == []


class TestViolations:
    @pytest.mark.parametrize(
        ("messages", "said"),
        [
            ([ADDED, ADDED], "added for a known document"),
            ([{"msg": "changed", "collection": "c", "id": "1", "fields": {}}], "unknown document"),
            ([ADDED, {"msg": "changed", "collection": "c", "id": "1"}], "without a change"),
            ([{"msg": "removed", "collection": "c", "id": "1"}], "unknown document"),
            ([{"msg": "connected", "session": "t"}], "connected twice"),
            ([{"msg": "result", "id": "1"}], "an answer to no call"),
            ([{"msg": "updated", "methods": ["1"]}], "an answer to no call"),
            ([{"msg": "news"}], "an unknown message"),
            ([{"msg": ["ping"]}], "a malformed message"),
            ([{}], "a malformed message"),
            ([[]], "a malformed message"),
            ([None], "a malformed message"),
            ([{"msg": "ready"}], "a malformed message"),
            ([{**ADDED, "id": 1}], "a malformed message"),
            ([{**ADDED, "id": "~{}"}], "a malformed message"),
            ([{**ADDED, "fields": {"a": {"$type": "?", "$value": 1}}}], "a malformed message"),
        ],
    )
    def test_reported(self, messages: list[Any], said: str) -> None:
        (violation,) = mirror(*messages).violations
        assert said in violation

    def test_the_session_comes_first(self) -> None:
        one = Mirror()
        one.receive('{"msg":"ping"}')
        assert "before connected" in one.violations[0]

    @pytest.mark.parametrize("name", ["failed", "error"])
    def test_but_for_refusals(self, name: str) -> None:
        one = Mirror()
        one.receive(json.dumps({"msg": name}))
        assert one.violations == []

    @given(st.text())
    def test_any_text_is_taken(self, text: str) -> None:
        one = Mirror()
        one.receive(text)
        assert one.violations
