"""Messages that are none: an error each (DDP 1, "Errors"; Meteor 3), and nothing else suffers."""

from __future__ import annotations

import contextlib
import json
import random
from typing import Any

import pytest

from dddp.testing.client import DDPClient
from tools.serving import Watched
from tools.talking import Talk, method

BAD = {"msg": "error", "reason": "Bad request"}
PARSE_ERROR = {"msg": "error", "reason": "Parse error"}


async def works(talk: Talk) -> bool:
    return await talk.say({"msg": "ping", "id": "w"}) == [{"msg": "pong", "id": "w"}]


class TestSyntax:
    @pytest.mark.parametrize(
        "text",
        ["x", "{", '{"msg":"ping"', "5", '"ping"', "null", "true", '{"msg":"\\ud800"}', "[" * 5000],
    )
    async def test_no_json_object(self, talk: Talk, text: str) -> None:
        assert await talk.say(text) == [BAD]

    async def test_nothing_at_all(self, server: Watched) -> None:
        async with DDPClient(server.ws_url) as client:
            assert await Talk(client).say("", b"") == [BAD, BAD]

    @pytest.mark.parametrize("message", [[], [1], {}, {"msg": None}, {"msg": 0}, {"msg": ""}])
    async def test_no_name(self, talk: Talk, message: Any) -> None:
        assert await talk.say(json.dumps(message)) == [{**BAD, "offendingMessage": message}]

    @pytest.mark.parametrize("name", ["x", "added", "ready", "toString", "__init__", 5, ["ping"]])
    async def test_unknown_name(self, talk: Talk, name: Any) -> None:
        message = {"msg": name, "id": "1"}
        assert await talk.say(message) == [{**BAD, "offendingMessage": message}]

    @pytest.mark.parametrize(
        "members",
        [
            {"cleared": 5},
            {"params": [{"$type": "unknown", "$value": 1}]},
            {"params": [{"$binary": "?"}]},
            {"fields": {"a": {"$type": "unknown", "$value": 1}}},
        ],
    )
    async def test_undecodable(self, talk: Talk, members: dict[str, Any]) -> None:
        message = {**method("1", "wire/echo"), **members}
        assert await talk.say(json.dumps(message)) == [PARSE_ERROR]

    async def test_offending_message_is_plain_json(self, talk: Talk) -> None:
        assert await talk.say({"msg": "x", "params": [{"$date": 0}]}) == [
            {**BAD, "offendingMessage": {"msg": "x", "params": ["1970-01-01T00:00:00.000Z"]}}
        ]


class TestMembers:
    @pytest.mark.parametrize(
        "message",
        [
            {"id": 1, "name": "AllKeyed"},
            {"id": "", "name": "AllKeyed"},
            {"id": "1", "name": 1},
            {"id": "1", "name": "AllKeyed", "params": None},
            {"id": "1", "name": "AllKeyed", "params": {}},
            {},
        ],
    )
    async def test_sub(self, talk: Talk, message: dict[str, Any]) -> None:
        message = {"msg": "sub", **message}
        expected = {"msg": "error", "reason": "Malformed subscription"}
        assert await talk.say(message) == [{**expected, "offendingMessage": message}]

    @pytest.mark.parametrize(
        "message",
        [
            {"id": 1, "method": "wire/echo"},
            {"id": "1", "method": None},
            {"id": "1", "method": "wire/echo", "params": None},
            {"id": "1", "method": "wire/echo", "params": "x"},
            {"id": "1", "method": "wire/echo", "randomSeed": None},
            {},
        ],
    )
    async def test_method(self, talk: Talk, message: dict[str, Any]) -> None:
        message = {"msg": "method", **message}
        expected = {"msg": "error", "reason": "Malformed method invocation"}
        assert await talk.say(message) == [{**expected, "offendingMessage": message}]

    @pytest.mark.parametrize("name", ["ping", "unsub"])
    @pytest.mark.parametrize("id", [1, False, [], {"a": 1}])
    async def test_ids_that_are_no_strings_wedge_nothing(
        self, talk: Talk, name: str, id: Any
    ) -> None:
        message = {"msg": name, "id": id}
        assert await talk.say(message) == [{**BAD, "offendingMessage": message}]
        assert await talk.client.call("wire/echo", 1) == [1]

    async def test_unknown_ones_are_ignored(self, talk: Talk) -> None:
        heard = await talk.say({**method("1", "wire/echo", 1), "more": {"$type": "x"}})
        assert heard == [
            {"msg": "updated", "methods": ["1"]},
            {"msg": "result", "id": "1", "result": [1]},
        ]


class TestHostileInput:
    """Afterwards this connection is closed or works, and all others work."""

    @pytest.mark.parametrize("depth", [201, 900, 5000, 50_000])
    @pytest.mark.parametrize("pair", ["[]", '{"a":}', '{"$escape":}'])
    async def test_deep(self, talk: Talk, other: Talk, depth: int, pair: str) -> None:
        deep = pair[:-1] * depth + "1" + pair[-1] * depth
        text = f'{{"msg":"method","id":"1","method":"wire/echo","params":[{deep}]}}'
        assert await talk.say(text) == [BAD]
        assert await works(other)

    async def test_less_deep(self, talk: Talk) -> None:
        value: Any = 1
        for _ in range(180):
            value = {"a": value}
        assert await talk.client.call("wire/echo", value) == [value]

    async def test_binary_messages_are_text(self, server: Watched, other: Talk) -> None:
        async with DDPClient(server.ws_url) as client:
            talk = Talk(client)
            assert await talk.say(b'{"msg":"ping"}', b"\xff\xfe", b"\x00") == [
                {"msg": "pong"},
                BAD,
                BAD,
            ]
        assert await works(other)

    @pytest.mark.parametrize("data", ["x", "{}", "[1]", '["a"', "null", b"\xff"])
    async def test_broken_sockjs_frames(self, server: Watched, other: Talk, data: Any) -> None:
        async with DDPClient(server.ws_url, sockjs=True) as client:
            await client.send_raw(data)
            assert await client.wait_closed() == (3000, "Broken framing.")
        assert await works(other)

    async def test_sockjs_frames_without_messages(self, server: Watched) -> None:
        async with DDPClient(server.ws_url, sockjs=True) as client:
            await client.send_raw("")
            await client.send_raw("[]")
            assert await works(Talk(client))

    async def test_several_messages_in_a_sockjs_frame(self, server: Watched) -> None:
        async with DDPClient(server.ws_url, sockjs=True) as client:
            pings = [json.dumps({"msg": "ping", "id": str(number)}) for number in range(3)]
            await client.send_raw(json.dumps(pings))
            await client.wait_for(lambda: len(client.messages) == 4)
            assert [message["id"] for message in client.messages[1:]] == ["0", "1", "2"]

    async def test_over_the_limit(self, talk: Talk, other: Talk) -> None:
        await talk.client.send_text("x" * (1024 * 1024 + 1))
        assert (await talk.client.wait_closed())[0] == 1009
        assert await works(other)

    async def test_far_over_the_limit(self, talk: Talk, other: Talk) -> None:
        with contextlib.suppress(ConnectionError):  # closed while it is still sending
            await talk.client.send_text("x" * (8 * 1024 * 1024))
        assert (await talk.client.wait_closed())[0] == 1009
        assert await works(other)

    async def test_just_below_the_limit(self, talk: Talk) -> None:
        text = "x" * (1024 * 1024 - 200)
        assert await talk.client.call("wire/echo", text) == [text]

    @pytest.mark.parametrize("seed", range(5))
    async def test_noise(self, talk: Talk, other: Talk, seed: int) -> None:
        source = random.Random(seed)
        lines = [source.randbytes(source.randrange(1, 200)).decode("latin-1") for _ in range(50)]
        assert await talk.say(*lines) == [BAD] * 50
        assert await works(talk)
        assert await works(other)

    async def test_numbers_beyond_64_bits(self, talk: Talk) -> None:
        assert await talk.client.call("wire/echo", 2**70, -(2**64), 1e300) == [
            2**70,
            -(2**64),
            1e300,
        ]

    async def test_a_database_refuses_no_character_but_one(
        self, talk: Talk, other: Talk, server: Watched
    ) -> None:
        server.expect_traceback("NUL")
        updated, result = await talk.say(method("1", "wire/put", "a\0b", "c"))
        assert (updated["msg"], result["error"]["error"]) == ("updated", 500)
        assert await works(other)
