"""DDP 1, "Remote Procedure Calls"; orders and errors as Meteor 3 has them."""

from __future__ import annotations

import datetime as dt
import math
import re
import secrets
from typing import Any

import pytest

from dddp.ejson import ObjectID, RegExp
from dddp.exceptions import MeteorError
from tools.serving import Watched
from tools.talking import Message, Talk, method, names, sub
from zoo.models import Keyed

NEW_YEAR = dt.datetime(2024, 1, 1, tzinfo=dt.UTC)
MATCH_FAILED = MeteorError(400, "Match failed").as_wire()
INTERNAL = MeteorError(500, "Internal server error").as_wire()


def updated(*ids: str) -> Message:
    return {"msg": "updated", "methods": list(ids)}


class TestOrder:
    async def test_data_then_updated_then_result(self, talk: Talk) -> None:
        await talk.say(sub("s", "AllKeyed"))
        assert await talk.say(method("1", "wire/put", "a", "x")) == [
            {"msg": "added", "collection": "zoo.keyed", "id": "a", "fields": {"value": "x"}},
            updated("1"),
            {"msg": "result", "id": "1", "result": None},
        ]
        assert await talk.say(method("2", "wire/put", "a", "y"), method("3", "wire/drop", "a")) == [
            {"msg": "changed", "collection": "zoo.keyed", "id": "a", "fields": {"value": "y"}},
            updated("2"),
            {"msg": "result", "id": "2", "result": None},
            {"msg": "removed", "collection": "zoo.keyed", "id": "a"},
            updated("3"),
            {"msg": "result", "id": "3", "result": None},
        ]

    async def test_without_writes(self, talk: Talk) -> None:
        assert names(await talk.say(method("1", "wire/echo"))) == ["updated", "result"]

    async def test_one_after_the_other(self, talk: Talk) -> None:
        calls = [method(str(number), "wire/echo", number) for number in range(20)]
        heard = await talk.say(*calls)
        assert [each["result"] for each in heard[1::2]] == [[number] for number in range(20)]
        assert heard[::2] == [updated(str(number)) for number in range(20)]

    async def test_what_follows_waits(self, talk: Talk, other: Talk) -> None:
        gate = secrets.token_hex()
        await talk.client.send(method("1", "wire/pass_gate", gate))
        await talk.client.send(sub("s", "AllKeyed"))
        await talk.client.send(method("2", "wire/echo"))
        await other.client.call("wire/open_gate", gate)
        assert names(await talk.say()) == ["updated", "result", "ready", "updated", "result"]

    async def test_pings_do_not_wait(self, talk: Talk, other: Talk) -> None:
        gate = secrets.token_hex()
        await talk.client.send(method("1", "wire/pass_gate", gate))
        await talk.client.send({"msg": "ping", "id": "p"})
        await talk.client.wait_for(lambda: len(talk.client.messages) > 1)
        assert talk.client.messages[1:] == [{"msg": "pong", "id": "p"}]
        await other.client.call("wire/open_gate", gate)
        assert names(await talk.say()) == ["pong", "updated", "result"]

    async def test_unknown_ones_get_their_result_first(self, talk: Talk) -> None:
        error = MeteorError(404, "Method 'x' not found").as_wire()
        assert await talk.say(method("1", "x")) == [
            {"msg": "result", "id": "1", "error": error},
            updated("1"),
        ]

    async def test_the_same_id_twice(self, talk: Talk) -> None:
        heard = await talk.say(method("1", "wire/echo", 1), method("1", "wire/echo", 2))
        assert heard == [
            updated("1"),
            {"msg": "result", "id": "1", "result": [1]},
            updated("1"),
            {"msg": "result", "id": "1", "result": [2]},
        ]


class TestValues:
    @pytest.mark.parametrize(
        "value",
        [
            None,
            False,
            0,
            "",
            [],
            {},
            "é😀\u2028",
            NEW_YEAR,
            b"\x00\xff",
            math.inf,
            -math.inf,
            RegExp("a+", "gi"),
            ObjectID("0123456789abcdef01234567"),
            {"$date": 1},
            {"$escape": {"$date": 1}},
            {"$date": NEW_YEAR, "b": [NEW_YEAR]},
            {"a.b": {"$type": "x", "$value": 1}},
        ],
    )
    async def test_come_back(self, talk: Talk, value: Any) -> None:
        assert await talk.client.call("wire/echo", value) == [value]

    async def test_not_a_number(self, talk: Talk) -> None:
        (value,) = await talk.client.call("wire/echo", math.nan)
        assert math.isnan(value)

    async def test_nothing_is_null(self, talk: Talk) -> None:
        heard = await talk.say(method("1", "wire/nothing"))
        assert heard == [updated("1"), {"msg": "result", "id": "1", "result": None}]

    async def test_params_may_be_left_out(self, talk: Talk) -> None:
        heard = await talk.say({"msg": "method", "id": "1", "method": "wire/echo"})
        assert heard[1] == {"msg": "result", "id": "1", "result": []}

    async def test_the_empty_id(self, talk: Talk) -> None:
        heard = await talk.say(method("", "wire/echo"))
        assert heard == [updated(""), {"msg": "result", "id": "", "result": []}]


class TestErrors:
    @pytest.mark.parametrize(
        ("params", "error"),
        [
            (["not-found", "No such book."], MeteorError("not-found", "No such book.")),
            ([403], MeteorError(403)),
            (["x", "y", {"a": [None]}], MeteorError("x", "y", {"a": [None]})),
        ],
    )
    async def test_for_clients(self, talk: Talk, params: list[Any], error: MeteorError) -> None:
        assert await talk.say(method("1", "wire/refuse", *params)) == [
            updated("1"),
            {"msg": "result", "id": "1", "error": error.as_wire()},
        ]

    async def test_details_are_plain_json(self, talk: Talk) -> None:
        _, result = await talk.say(method("1", "wire/refuse_with_a_date"))
        assert result["error"]["details"] == {"at": "2024-01-01T00:00:00.000Z"}

    async def test_details_without_a_form(self, talk: Talk) -> None:
        _, result = await talk.say(method("1", "wire/refuse_with_what_has_no_form"))
        assert result["error"]["error"] == "odd"

    async def test_others_stay_inside(self, talk: Talk, server: Watched) -> None:
        server.expect_traceback("ValueError: a password")
        assert await talk.say(method("1", "wire/fail", "a password")) == [
            updated("1"),
            {"msg": "result", "id": "1", "error": INTERNAL},
        ]
        who = r"an anonymous user at 127\.0\.0\.1 \(connection \w{17}\)"
        assert re.search(f"Method 'wire/fail' of {who} failed", server.log)

    async def test_results_without_a_form(self, talk: Talk, server: Watched) -> None:
        server.expect_traceback("TypeError: EJSON has no form for object")
        _, result = await talk.say(method("1", "wire/give_what_has_no_form"))
        assert result["error"] == INTERNAL

    @pytest.mark.parametrize("params", [[], ["a"], ["a", "b", "c"]])
    async def test_parameters_it_does_not_take(self, talk: Talk, params: list[Any]) -> None:
        _, result = await talk.say(method("1", "wire/put", *params))
        assert result["error"] == MATCH_FAILED

    @pytest.mark.parametrize("name", ["toString", "__init__", "wire/", "wire/api_endpoints", ""])
    async def test_only_endpoints_are_methods(self, talk: Talk, name: str) -> None:
        result, _ = await talk.say(method("1", name))
        assert result["error"] == MeteorError(404, f"Method '{name}' not found").as_wire()

    async def test_undo_what_was_written(self, talk: Talk) -> None:
        await talk.say(sub("s", "AllKeyed"))
        heard = await talk.say(method("1", "wire/put_and_fail", "a"))
        assert names(heard) == ["updated", "result"]
        assert not Keyed.objects.exists()

    async def test_the_connection_goes_on(self, talk: Talk) -> None:
        await talk.say(method("1", "wire/refuse", "x"))
        assert names(await talk.say(method("2", "wire/echo"))) == ["updated", "result"]


class TestRandomSeed:
    """Values drawn by Meteor 3 from the same seed."""

    async def test_ids_are_those_the_client_drew(self, talk: Talk) -> None:
        call = {**method("1", "wire/random_ids", "wire", 3), "randomSeed": "seed0123456789abcdef"}
        _, result = await talk.say(call)
        assert result["result"] == ["qcA8TiHbNw8PDC7m4", "o43WEbcjBSGZG7Yq6", "qbSBYrcgmqR8q7dzE"]

    async def test_without_it_nobody_can_tell(self, talk: Talk) -> None:
        first = await talk.client.call("wire/random_ids", "wire", 1)
        assert first != await talk.client.call("wire/random_ids", "wire", 1)
