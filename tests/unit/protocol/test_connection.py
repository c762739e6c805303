"""A server's side of one connection: DDP 1, and Meteor 3 where that is silent."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from dddp import ejson
from dddp.protocol.connection import Connection
from dddp.protocol.events import (
    Close,
    Connected,
    Disconnect,
    Event,
    Method,
    Send,
    Sub,
    Unsub,
)
from dddp.protocol.parsing import MAX_DEPTH

NORMAL = Close(1000, "Normal closure")
EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
DEEP = '{"msg":"method","id":"1","method":"m","params":' + "[" * 100_000 + "]" * 100_000 + "}"

NO_JSON: list[str | bytes] = [
    *("", " ", "x", "{", "5", '"connect"', "null", "true", "NaN", "[" * 100_000, DEEP, "\ud800"),
    *(b"", b"\xff\xfe", b"\x00", b'{"msg":"\xff"}'),
]


def connection(**options: float) -> Connection:
    return Connection(now=0.0, **options)


def send(to: Connection, message: Any, now: float = 0.0) -> list[Event]:
    return to.receive(json.dumps(message), now)


def connected(version: str = "1") -> Connection:
    one = connection()
    send(one, {"msg": "connect", "version": version, "support": [version]})
    return one


def message_of(event: Event) -> dict[str, Any]:
    assert isinstance(event, Send)
    message: dict[str, Any] = json.loads(event.frame.data)
    return message


def answer(events: list[Event], *, queued: bool) -> dict[str, Any]:
    """The only event: a message, sent behind queued work or at once."""
    (event,) = events
    assert isinstance(event, Send)
    assert event.queued is queued
    return message_of(event)


def bad(reason: str, *offending: Any) -> dict[str, Any]:
    message: dict[str, Any] = {"msg": "error", "reason": reason}
    if offending:
        message["offendingMessage"] = offending[0]
    return message


class TestConnect:
    def test_agreed(self) -> None:
        assert send(connection(), {"msg": "connect", "version": "1", "support": ["1"]}) == [
            Connected("1")
        ]

    @pytest.mark.parametrize(
        ("version", "support", "agreed"),
        [
            ("1", ["1"], True),
            ("1", ["1", "pre2", "pre1"], True),
            ("pre2", ["pre2", "1"], True),
            ("pre1", ["pre1"], True),
            ("1", ["2", "1"], True),
            ("1", ["1", "1"], True),
        ],
    )
    def test_versions_both_speak(self, version: str, support: list[str], agreed: bool) -> None:
        one = connection()
        events = send(one, {"msg": "connect", "version": version, "support": support})
        assert events == [Connected(version)]
        assert one.version == version

    @pytest.mark.parametrize(
        ("offer", "wanted"),
        [
            ({"version": "pre1", "support": ["1", "pre1"]}, "1"),
            ({"version": "1", "support": ["pre2", "1"]}, "pre2"),
            ({"version": "2", "support": ["2", "pre1"]}, "pre1"),
            ({"version": "2", "support": ["2"]}, "1"),
            ({"version": "1", "support": []}, "1"),
            ({"version": "1", "support": ["pre1"]}, "1"),
            ({"version": "1", "support": "1"}, "1"),
            ({"version": "1", "support": None}, "1"),
            ({"version": "1", "support": ["1", 1]}, "1"),
            ({"version": "1", "support": [["1"], "1"]}, "1"),
            ({"version": 1, "support": [1]}, "1"),
            ({"version": None, "support": ["1"]}, "1"),
            ({"version": ["1"], "support": ["1"]}, "1"),
            ({"version": "1"}, "1"),
            ({"support": ["1"]}, "1"),
            ({}, "1"),
        ],
    )
    def test_versions_they_do_not(self, offer: dict[str, Any], wanted: str) -> None:
        one = connection()
        failed, close = send(one, {"msg": "connect", **offer})
        assert message_of(failed) == {"msg": "failed", "version": wanted}
        assert close == NORMAL
        assert one.closed
        assert one.deadline is None
        assert send(one, {"msg": "ping"}) == []

    @pytest.mark.parametrize(
        ("given_", "session", "count"),
        [
            ({"session": "old"}, "old", None),
            ({"session": "old", "receivedCount": 0}, "old", 0),
            ({"session": "old", "receivedCount": 5}, "old", 5),
            ({"session": 5, "receivedCount": "5"}, None, None),
            ({"session": None, "receivedCount": True}, None, None),
        ],
    )
    def test_what_it_says_of_an_old_session(
        self, given_: dict[str, Any], session: str | None, count: int | None
    ) -> None:
        message = {"msg": "connect", "version": "1", "support": ["1"], **given_}
        assert send(connection(), message) == [Connected("1", session, count)]

    def test_twice(self) -> None:
        one = connected()
        again = {"msg": "connect", "version": "1", "support": ["1"]}
        assert answer(send(one, again), queued=False) == bad("Already connected", again)
        assert answer(send(one, {"msg": "ping"}), queued=False) == {"msg": "pong"}

    @pytest.mark.parametrize(
        "message",
        [
            {"msg": "ping"},
            {"msg": "sub", "id": "1", "name": "x"},
            {"msg": "method", "id": "1", "method": "x", "params": [1]},
            {"msg": "disconnect"},
            {"msg": "unknown"},
            {"msg": 5},
        ],
    )
    def test_is_first(self, message: Any) -> None:
        one = connection()
        assert answer(send(one, message), queued=False) == bad("Must connect first", message)
        assert send(one, {"msg": "connect", "version": "1", "support": ["1"]})


class TestMalformedInput:
    @pytest.mark.parametrize(
        "data",
        NO_JSON,
        ids=range(len(NO_JSON)),
    )
    @pytest.mark.parametrize("one", [connection(), connected()], ids=["new", "connected"])
    def test_no_json_object(self, one: Connection, data: str | bytes) -> None:
        assert answer(one.receive(data, 0.0), queued=False) == bad("Bad request")
        assert not one.closed

    @pytest.mark.parametrize(
        "message",
        [[], [1], ["connect"], {}, {"msg": None}, {"msg": ""}, {"msg": 0}, {"msg": False}],
    )
    @pytest.mark.parametrize("one", [connection(), connected()], ids=["new", "connected"])
    def test_no_name(self, one: Connection, message: Any) -> None:
        assert answer(send(one, message), queued=False) == bad("Bad request", message)

    @pytest.mark.parametrize(
        "name",
        [
            "x",
            "ready",
            "added",
            "connected",
            "result",
            "Ping",
            "toString",
            "__class__",
            5,
            [1],
            {"a": 1},
        ],
    )
    def test_unknown_name(self, name: Any) -> None:
        message = {"msg": name, "id": "1"}
        assert answer(send(connected(), message), queued=True) == bad("Bad request", message)

    @pytest.mark.parametrize(
        "members",
        [
            {"cleared": 1},
            {"cleared": None},
            {"cleared": {}},
            {"params": [{"$type": "unknown", "$value": 1}]},
            {"fields": {"a": {"$type": "unknown", "$value": 1}}},
            {"result": {"$binary": "?"}},
        ],
    )
    @pytest.mark.parametrize("one", [connection(), connected()], ids=["new", "connected"])
    def test_what_cannot_be_decoded(self, one: Connection, members: dict[str, Any]) -> None:
        message = {"msg": "method", "id": "1", "method": "m", **members}
        assert answer(send(one, message), queued=False) == bad("Parse error")

    def test_shown_as_plain_json(self) -> None:
        message = {"msg": "x", "params": [{"$date": 0}], "other": {"$date": 0}}
        offending = {"msg": "x", "params": ["1970-01-01T00:00:00.000Z"], "other": {"$date": 0}}
        assert answer(send(connected(), message), queued=True) == bad("Bad request", offending)

    @pytest.mark.parametrize("pair", ["[]", '{"a":}'])
    @pytest.mark.parametrize("tail", ["", ',"params":[{"$date":0}]'])
    @pytest.mark.parametrize("kind", [str, str.encode])
    def test_depth(self, pair: str, tail: str, kind: Any) -> None:
        def nested(levels: int) -> Any:
            tree = pair[:-1] * levels + "[]" + pair[-1] * levels
            return kind(f'{{"msg":"x","a":{tree}{tail}}}')

        shown = answer(connected().receive(nested(MAX_DEPTH - 2), 0.0), queued=True)
        assert "offendingMessage" in shown
        for levels in (MAX_DEPTH + 1, 900, 5000):
            assert answer(connected().receive(nested(levels), 0.0), queued=False) == bad(
                "Bad request"
            )

    def test_length_is_no_depth(self) -> None:
        message = {"msg": "method", "id": "1", "method": "m", "params": [[[]]] * 500}
        assert send(connected(), message) == [Method("1", "m", [[[]]] * 500)]

    @given(st.text() | st.binary())
    def test_anything_has_one_answer(self, data: str | bytes) -> None:
        assume('"msg"' not in str(data))
        for one in (connection(), connected()):
            assert message_of(*one.receive(data, 0.0))["msg"] == "error"

    def test_errors_of_a_projects_own_type(self, monkeypatch: pytest.MonkeyPatch) -> None:
        def fail(value: Any) -> Any:
            raise KeyError(value)

        monkeypatch.setitem(ejson._TYPES, "fragile", (object, str, fail))
        message = {"msg": "sub", "id": "1", "params": [{"$type": "fragile", "$value": 1}]}
        assert answer(send(connected(), message), queued=False) == bad("Parse error")


class TestSub:
    @pytest.mark.parametrize(
        ("members", "params"),
        [({}, []), ({"params": []}, []), ({"params": [1, None]}, [1, None]), ({"x": 1}, [])],
    )
    def test_taken(self, members: dict[str, Any], params: list[Any]) -> None:
        message = {"msg": "sub", "id": "1", "name": "books", **members}
        assert send(connected(), message) == [Sub("1", "books", params)]

    @pytest.mark.parametrize(
        "members",
        [
            {"id": 1},
            {"id": None},
            {"id": ""},
            {"name": None},
            {"name": 1},
            {"params": None},
            {"params": {}},
            {"params": "x"},
        ],
    )
    def test_malformed(self, members: dict[str, Any]) -> None:
        message = {"msg": "sub", "id": "1", "name": "books", **members}
        expected = bad("Malformed subscription", message)
        assert answer(send(connected(), message), queued=True) == expected

    @pytest.mark.parametrize("missing", ["id", "name"])
    def test_incomplete(self, missing: str) -> None:
        message = {"msg": "sub", "id": "1", "name": "books"}
        del message[missing]
        expected = bad("Malformed subscription", message)
        assert answer(send(connected(), message), queued=True) == expected


class TestUnsub:
    @pytest.mark.parametrize(
        ("message", "id"),
        [({"id": "1"}, "1"), ({"id": ""}, ""), ({}, None), ({"id": None}, None)],
    )
    def test_taken(self, message: dict[str, Any], id: str | None) -> None:
        assert send(connected(), {"msg": "unsub", **message}) == [Unsub(id)]

    @pytest.mark.parametrize("id", [1, 0, False, [], {}])
    def test_ids_are_strings(self, id: Any) -> None:
        message = {"msg": "unsub", "id": id}
        assert answer(send(connected(), message), queued=True) == bad("Bad request", message)


class TestMethod:
    @pytest.mark.parametrize(
        ("members", "event"),
        [
            ({}, Method("1", "m", [])),
            ({"params": []}, Method("1", "m", [])),
            ({"params": [None, {"a": 1}]}, Method("1", "m", [None, {"a": 1}])),
            ({"randomSeed": "abc"}, Method("1", "m", [], "abc")),
            ({"randomSeed": ""}, Method("1", "m", [])),
            ({"randomSeed": "a" * 1000}, Method("1", "m", [], "a" * 1000)),
            ({"id": ""}, Method("", "m", [])),
            ({"method": ""}, Method("1", "", [])),
            ({"unknown": 1}, Method("1", "m", [])),
        ],
    )
    def test_taken(self, members: dict[str, Any], event: Method) -> None:
        assert send(connected(), {"msg": "method", "id": "1", "method": "m", **members}) == [event]

    @pytest.mark.parametrize(
        "members",
        [
            {"id": 1},
            {"id": None},
            {"method": 1},
            {"method": None},
            {"params": None},
            {"params": {}},
            {"randomSeed": None},
            {"randomSeed": 5},
            {"randomSeed": "a" * 1001},
        ],
    )
    def test_malformed(self, members: dict[str, Any]) -> None:
        message = {"msg": "method", "id": "1", "method": "m", **members}
        expected = bad("Malformed method invocation", message)
        assert answer(send(connected(), message), queued=True) == expected

    @pytest.mark.parametrize(
        "params",
        [
            '[{"$date":0}]',
            '[{"\\u0024date":0}]',
            '[ { "$date" : 0 } ]',
            '[{"\\u0024d\\u0061te":0}]',
        ],
    )
    @pytest.mark.parametrize("kind", [str, str.encode])
    def test_params_are_ejson(self, params: str, kind: Any) -> None:
        text = f'{{"msg":"method","id":"1","method":"m","params":{params}}}'
        assert connected().receive(kind(text), 0.0) == [Method("1", "m", [EPOCH])]

    def test_nothing_else_is(self) -> None:
        message = {"msg": "method", "id": "1", "method": "m", "extra": {"$type": "no", "$value": 1}}
        assert send(connected(), message) == [Method("1", "m", [])]


class TestPing:
    def test_at_once(self) -> None:
        assert answer(send(connected(), {"msg": "ping"}), queued=False) == {"msg": "pong"}

    @pytest.mark.parametrize("id", ["1", ""])
    def test_with_its_id(self, id: str) -> None:
        reply = answer(send(connected(), {"msg": "ping", "id": id}), queued=False)
        assert reply == {"msg": "pong", "id": id}

    @pytest.mark.parametrize("id", [1, 0, [], {"a": 1}])
    def test_ids_are_strings(self, id: Any) -> None:
        message = {"msg": "ping", "id": id}
        assert answer(send(connected(), message), queued=False) == bad("Bad request", message)

    def test_pong_needs_no_answer(self) -> None:
        assert send(connected(), {"msg": "pong", "id": "1"}) == []

    @pytest.mark.parametrize("name", ["ping", "pong"])
    def test_unknown_before_pre2(self, name: str) -> None:
        message = {"msg": name}
        assert answer(send(connected("pre1"), message), queued=True) == bad("Bad request", message)

    def test_known_in_pre2(self) -> None:
        assert answer(send(connected("pre2"), {"msg": "ping"}), queued=False) == {"msg": "pong"}


def test_disconnect_ends_it() -> None:
    one = connected()
    assert send(one, {"msg": "disconnect"}) == [Disconnect()]
    assert one.closed
    assert one.deadline is None
    assert send(one, {"msg": "ping"}) == []
    assert one.tick(1000.0) == []


class TestHeartbeat:
    """Intervals and timeouts are 15 seconds unless given."""

    def test_none_before_connect(self) -> None:
        one = connection()
        assert one.deadline is None
        assert one.tick(1000.0) == []

    def test_none_in_pre1(self) -> None:
        one = connected("pre1")
        assert one.deadline is None
        assert one.tick(1000.0) == []

    def test_a_silent_client_is_pinged_and_then_closed(self) -> None:
        one = connected()
        assert one.deadline == 15
        assert one.tick(14.9) == []
        assert [message_of(event) for event in one.tick(15.0)] == [{"msg": "ping"}]
        assert one.deadline == 30
        assert one.tick(29.9) == []
        assert one.tick(30.0) == [NORMAL]
        assert one.closed
        assert one.deadline is None
        assert one.tick(31.0) == []
        assert send(one, {"msg": "pong"}, 31.0) == []

    def test_a_client_that_is_not_read_is_pinged_and_not_closed(self) -> None:
        one = connected()
        for now in (15.0, 30.0, 45.0):
            assert [message_of(event) for event in one.tick(now, reads=False)] == [{"msg": "ping"}]
        assert [message_of(event) for event in one.tick(60.0)] == [{"msg": "ping"}]
        assert one.tick(75.0) == [NORMAL]

    def test_the_ping_is_sent_at_once(self) -> None:
        (ping,) = connected().tick(15.0)
        assert isinstance(ping, Send)
        assert not ping.queued

    def test_a_client_that_only_answers_is_pinged_every_other_interval(self) -> None:
        one = connected()
        assert pings(one, until=150.0, answers=True) == [15, 45, 75, 105, 135]

    @pytest.mark.parametrize(
        "text", ['{"msg":"pong"}', '{"msg":"ping"}', '{"msg":"x"}', "nonsense", ""]
    )
    def test_any_message_counts(self, text: str) -> None:
        one = connected()
        one.receive(text, 1.0)
        assert one.tick(15.0) == []
        assert one.deadline == 30
        one.receive(text, 29.0)
        assert one.tick(30.0) == []
        assert len(one.tick(45.0)) == 1
        one.receive(text, 59.0)
        assert one.tick(60.0) == []
        assert not one.closed

    def test_a_client_that_talks_is_not_pinged(self) -> None:
        one = connected()
        for now in range(100):
            send(one, {"msg": "ping"}, float(now))
            assert one.tick(float(now)) == []

    def test_late_ticks(self) -> None:
        one = connected()
        assert len(one.tick(100.0)) == 1
        assert one.deadline == 115

    def test_intervals_are_given(self) -> None:
        one = connection(interval=1.0, timeout=0.25)
        send(one, {"msg": "connect", "version": "1", "support": ["1"]}, 10.0)
        assert one.deadline == 11
        assert len(one.tick(11.0)) == 1
        assert one.tick(11.25) == [NORMAL]

    def test_silence_before_connect_does_not_count(self) -> None:
        one = connection()
        send(one, {"msg": "connect", "version": "1", "support": ["1"]}, 500.0)
        assert one.deadline == 515


def pings(one: Connection, until: float, answers: bool) -> list[float]:
    """When it pings, if each deadline is kept."""
    times = []
    while one.deadline is not None and one.deadline <= until:
        now = one.deadline
        if one.tick(now):
            times.append(now)
            if answers:
                send(one, {"msg": "pong"}, now)
    return times


json_leaves = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5)
json_trees = st.recursive(
    json_leaves | st.sampled_from(["1", "pre1", "connect", "$date"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["$date", "$type", "$value", "a"]), inner, max_size=2)
    ),
    max_leaves=5,
)
NAMES = ["connect", "sub", "unsub", "method", "ping", "pong", "disconnect", "x"]
KEYS = ["id", "name", "method", "params", "randomSeed", "cleared"]
KEYS += ["version", "support", "session", "receivedCount"]
client_messages = st.builds(
    lambda name, members: {"msg": name, **members},
    st.sampled_from(NAMES) | json_trees,
    st.dictionaries(st.sampled_from(KEYS), json_trees, max_size=4),
)


def steps(data: list[Any]) -> Iterator[tuple[str, float]]:
    for number, message in enumerate(data):
        yield json.dumps(message), float(number)


class TestAnyConversation:
    @given(st.lists(client_messages | json_trees, max_size=6), st.booleans())
    def test_each_message_has_its_answer(self, data: list[Any], begun: bool) -> None:
        one = connected() if begun else connection()
        for text, now in steps(data):
            closed = one.closed
            events = one.receive(text, now)
            assert not (closed and events)
            assert closed or events or json_name(text) == "pong"
            one.tick(now)
            for event in events:
                if isinstance(event, Send):
                    assert isinstance(message_of(event)["msg"], str)
            if any(isinstance(event, Close | Disconnect) for event in events):
                assert one.closed

    @given(st.lists(client_messages, max_size=6))
    def test_one_session_at_most(self, data: list[Any]) -> None:
        one = connection()
        events = [event for text, now in steps(data) for event in one.receive(text, now)]
        assert sum(isinstance(event, Connected) for event in events) <= 1


def json_name(text: str) -> Any:
    value = json.loads(text)
    return value.get("msg") if isinstance(value, dict) else None
