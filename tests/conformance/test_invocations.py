"""Unblocked calls, calls that log in, nested calls and their seeds, types, errors of Django."""

from __future__ import annotations

import secrets
from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import urlsplit

import pytest
from django.contrib.auth.models import User

from dddp.exceptions import MeteorError
from dddp.testing.client import DDPClient
from tools.serving import Watched
from tools.talking import Message, Talk, method, names, sub, unsub

SEED = "seed0123456789abcdef"
INTERNAL = MeteorError(500, "Internal server error").as_wire()


def updated(id: str) -> Message:
    return {"msg": "updated", "methods": [id]}


class TestUnblock:
    async def test_what_follows_does_not_wait(self, talk: Talk, other: Talk) -> None:
        gate = secrets.token_hex()
        await talk.client.send(method("1", "wire/unblock_and_pass_gate", gate))
        heard = await talk.say(sub("s", "AllKeyed"), method("2", "wire/echo"), unsub("s"))
        assert names(heard) == ["ready", "updated", "result", "nosub"]
        await other.client.call("wire/open_gate", gate)
        await talk.client.wait_for(lambda: "1" in talk.client.results)
        assert await talk.say() == [updated("1"), {"msg": "result", "id": "1", "result": None}]

    async def test_two(self, talk: Talk, other: Talk) -> None:
        gate = secrets.token_hex()
        calls = [method(id, "wire/unblock_and_pass_gate", gate) for id in "12"]
        assert await talk.say(*calls) == []
        await other.client.call("wire/open_gate", gate)
        await talk.client.wait_for(lambda: len(talk.client.results) == 2)
        heard = await talk.say()
        assert sorted(names(heard)) == ["result", "result", "updated", "updated"]
        for id in "12":
            result = {"msg": "result", "id": id, "result": None}
            assert heard.index(updated(id)) < heard.index(result)


def without_user(heard: list[Message]) -> list[Message]:
    """Without the user's own document, which comes and goes with a login."""
    return [each for each in heard if each.get("collection") != "users"]


@pytest.fixture
def user(db_project: str) -> User:
    user: User = User.objects.create(username="ada")
    return user


class TestConnection:
    async def test_what_is_known(
        self, ddp: Callable[..., Awaitable[DDPClient]], sockjs: bool, talk: Talk
    ) -> None:
        headers = {"User-Agent": "a browser", "Cookie": "a=1; b=2"}
        headers |= {"X-Forwarded-For": "192.0.2.9", "X-Forwarded-Proto": "https"}
        client = await ddp(sockjs=sockjs, user_agent_header=None, additional_headers=headers)
        found = await client.call("wire/connection")
        assert found.pop("path") == urlsplit(client.url).path
        assert found.pop("id") not in ("", client.session)
        assert found == {
            "address": "192.0.2.9",
            "agent": "a browser",
            "secure": True,
            "transport": "sockjs-websocket" if sockjs else "websocket",
            "cookies": {"a": "1", "b": "2"},
        }
        assert (await talk.client.call("wire/connection"))["address"] == "127.0.0.1"

    async def test_closed_by_a_method(self, talk: Talk, other: Talk) -> None:
        await talk.client.send(method("1", "wire/close"))
        assert await talk.client.wait_closed() == (1000, "Normal closure")
        assert names(await other.say(method("1", "wire/echo"))) == ["updated", "result"]


class TestSetUserId:
    """Meteor 3, setUserId."""

    async def test_the_difference_then_ready_updated_result(self, talk: Talk, user: User) -> None:
        await talk.say(sub("a", "Me"), sub("b", "AllKeyed"), sub("c", "Refused"))
        heard = without_user(await talk.say(method("1", "wire/become", str(user.pk))))
        (ready,) = [each for each in heard if each["msg"] == "ready"]
        assert sorted(ready["subs"]) == ["a", "b"]
        assert [each for each in heard if each is not ready] == [
            {"msg": "removed", "collection": "me", "id": "user None"},
            {
                "msg": "added",
                "collection": "me",
                "id": f"user {user.pk}",
                "fields": {"name": "ada"},
            },
            updated("1"),
            {"msg": "result", "id": "1", "result": None},
        ]
        assert heard.index(ready) == 2

    async def test_the_same_user_again(self, talk: Talk, user: User) -> None:
        await talk.say(sub("a", "Me"), method("1", "wire/become", str(user.pk)))
        assert await talk.say(method("2", "wire/become", str(user.pk))) == [
            {"msg": "ready", "subs": ["a"]},
            updated("2"),
            {"msg": "result", "id": "2", "result": None},
        ]

    async def test_without_subscriptions(self, talk: Talk, user: User) -> None:
        heard = without_user(await talk.say(method("1", "wire/become", str(user.pk))))
        assert names(heard) == ["updated", "result"]

    @pytest.mark.parametrize("value", [5, True, "", ["1"], {"$ne": None}])
    async def test_what_is_no_user_id(self, talk: Talk, server: Watched, value: Any) -> None:
        server.expect_traceback("ValueError" if value == "" else "TypeError: set_user_id takes a")
        _, result = await talk.say(method("1", "wire/become_odd", value))
        assert result["error"] == INTERNAL

    async def test_after_unblock(self, talk: Talk, server: Watched, user: User) -> None:
        server.expect_traceback("Can't call set_user_id in a method after calling unblock")
        await talk.client.send(method("1", "wire/become_late", str(user.pk)))
        await talk.client.wait_for(lambda: "1" in talk.client.results)
        assert talk.client.results["1"]["error"] == INTERNAL

    async def test_by_the_server(self, talk: Talk, user: User) -> None:
        said = await talk.client.call("wire/become_by_server", str(user.pk))
        assert said == ["Can't call set_user_id on a server initiated method call."]


class TestRandomSeed:
    """Values drawn by Meteor 3 from the same seed."""

    async def drawn(self, talk: Talk, name: str, *params: Any) -> Any:
        _, result = await talk.say({**method("1", name, *params), "randomSeed": SEED})
        return result["result"]

    async def test_of_another_collection(self, talk: Talk) -> None:
        assert await self.drawn(talk, "wire/random_ids", "ledger", 1) == ["agmEFCLZXudmwTMtx"]

    async def test_object_ids(self, talk: Talk) -> None:
        found = await self.drawn(talk, "wire/hexadecimal", "wire")
        assert found == "d9217b495f16321c0c007399"

    @pytest.mark.parametrize("name", ["wire/nested_ids", "wire/nested_ids_async"])
    async def test_nested_calls_have_a_stream_of_their_callers(self, talk: Talk, name: str) -> None:
        assert await self.drawn(talk, name, "wire", 1) == ["g6qGLnEPYftzBpBYB"]

    async def test_is_known(self, talk: Talk) -> None:
        assert await self.drawn(talk, "wire/seed") == [SEED, False]

    async def test_without_it_there_is_one(self, talk: Talk) -> None:
        seed, _ = await talk.client.call("wire/seed")
        assert len(seed) == 43


class TestTypes:
    async def test_right_ones(self, talk: Talk) -> None:
        due = {"$date": 1704110400000}
        heard = await talk.say(method("1", "wire/typed", {"title": "x", "due": due}, 1, 2))
        assert heard[1]["result"] == ["Task", "x", due, [], 3]

    @pytest.mark.parametrize(
        ("params", "path", "reason"),
        [
            ([5], "params[0]", "Expected `object`, got `int`"),
            ([None], "params[0]", "Expected `object`, got `null`"),
            ([{}], "params[0]", "Object missing required field `title`"),
            ([{"title": {"$ne": 1}}], "params[0].title", "Expected `str`, got `object`"),
            ([{"title": "", "tags": ["a", 1]}], "params[0].tags[1]", "Expected `str`, got `int`"),
            (
                [{"title": "", "due": "now"}],
                "params[0].due",
                "Expected `datetime | null`, got `str`",
            ),
            ([{"title": ""}, 1, "2"], "params[2]", "Expected `int`, got `str`"),
        ],
    )
    async def test_wrong_ones(self, talk: Talk, params: list[Any], path: str, reason: str) -> None:
        _, result = await talk.say(method("1", "wire/typed", *params))
        details = {"path": path, "reason": reason}
        assert result["error"] == MeteorError(400, "Match failed", details).as_wire()


class TestErrorsOfDjango:
    @pytest.mark.parametrize(
        ("which", "error"),
        [
            ("denied", MeteorError(403, "Permission denied")),
            ("missing", MeteorError(404, "Not found")),
            (
                "invalid",
                MeteorError(
                    400,
                    "Validation failed",
                    {"title": ["Too long."], "due": ["Too late.", "Too odd."]},
                ),
            ),
        ],
    )
    async def test_are_for_clients(self, talk: Talk, which: str, error: MeteorError) -> None:
        assert await talk.say(method("1", "wire/raise", which)) == [
            updated("1"),
            {"msg": "result", "id": "1", "error": error.as_wire()},
        ]


NAMES = [
    *("__class__", "__proto__", "constructor", "hasOwnProperty", "toString", "valueOf"),
    *("_methods", "wire/_private", "wire/__class__", "wire/api_path_prefix", "wire/get_queries"),
    *("wire/echo/", "WIRE/ECHO", "wire/echo\x00", " ", "😀", "a" * 10_000, "'; DROP TABLE x; --"),
]


class TestNames:
    @pytest.mark.parametrize("name", NAMES)
    async def test_of_no_method(self, talk: Talk, name: str) -> None:
        error = MeteorError(404, f"Method '{name}' not found").as_wire()
        assert await talk.say(method("1", name)) == [
            {"msg": "result", "id": "1", "error": error},
            updated("1"),
        ]

    @pytest.mark.parametrize("name", NAMES)
    async def test_of_no_publication(self, talk: Talk, name: str) -> None:
        error = MeteorError(404, f"Subscription '{name}' not found").as_wire()
        assert await talk.say(sub("1", name)) == [{"msg": "nosub", "id": "1", "error": error}]


class TestLargeParameters:
    @pytest.mark.parametrize(
        "params",
        [[0] * 100_000, ["x" * 900_000], [{str(number): [] for number in range(50_000)}]],
        ids=["many", "long", "wide"],
    )
    async def test_come_back(self, talk: Talk, params: list[Any]) -> None:
        assert await talk.client.call("wire/echo", *params) == params

    @pytest.mark.parametrize("params", [[0] * 100_000, [{"title": "x" * 900_000}, *["x"] * 10]])
    async def test_of_wrong_types(self, talk: Talk, params: list[Any]) -> None:
        _, result = await talk.say(method("1", "wire/typed", *params))
        assert (result["error"]["error"], result["error"]["reason"]) == (400, "Match failed")
