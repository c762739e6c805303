"""Errors as Meteor 3 has them (DDPRateLimiter)."""

from __future__ import annotations

import math

import pytest

from dddp.exceptions import MeteorError
from tools.serving import Watched
from tools.talking import Message, Talk, method, names, sub, unsub

INTERNAL = MeteorError(500, "Internal server error").as_wire()


def too_many(error: Message) -> Message:
    """What the error has to be, given how long one has to wait."""
    wait = error["details"]["timeToReset"]
    assert isinstance(wait, int)
    assert 0 < wait <= 60_000
    reason = (
        f"Error, too many requests. Please slow down. You must wait {math.ceil(wait / 1000)} "
        f"seconds before trying again."
    )
    return MeteorError("too-many-requests", reason, {"timeToReset": wait}).as_wire()


class TestMethods:
    async def test_are_refused_in_their_result(self, talk: Talk) -> None:
        calls = [method(number, "wire/limited") for number in "123"]
        heard = await talk.say(*calls)
        assert names(heard) == ["updated", "result"] * 3
        assert [each.get("result", "none") for each in heard[1::2]] == [None, None, "none"]
        assert heard[-1] == {"msg": "result", "id": "3", "error": too_many(heard[-1]["error"])}
        assert heard[-2] == {"msg": "updated", "methods": ["3"]}

    async def test_others_go_on(self, talk: Talk, other: Talk) -> None:
        await talk.say(*(method(number, "wire/limited") for number in "123"))
        _, result = await talk.say(method("4", "wire/echo", 1))
        assert result["result"] == [1]
        assert await other.client.call("wire/limited") is None

    async def test_unknown_ones_are_not_counted(self, talk: Talk) -> None:
        heard = await talk.say(*(method(str(number), "wire/unknown") for number in range(5)))
        assert {each["error"]["error"] for each in heard[::2]} == {404}

    async def test_a_rule_that_fails_refuses(self, talk: Talk, server: Watched) -> None:
        server.expect_traceback("ValueError: a rule")
        _, result = await talk.say(method("1", "wire/limited_wrongly"))
        assert result["error"] == INTERNAL


class TestSubscriptions:
    async def test_are_refused_with_nosub(self, talk: Talk) -> None:
        heard = await talk.say(*(sub(number, "Limited") for number in "123"))
        assert names(heard) == ["ready", "ready", "nosub"]
        assert heard[-1] == {"msg": "nosub", "id": "3", "error": too_many(heard[-1]["error"])}

    async def test_the_id_of_a_live_one_is_still_ignored(self, talk: Talk) -> None:
        heard = await talk.say(*(sub("1", "Limited") for _ in range(5)))
        assert names(heard) == ["ready"]

    async def test_live_ones_go_on(self, talk: Talk) -> None:
        await talk.say(*(sub(number, "Limited") for number in "123"))
        heard = await talk.say(method("1", "wire/put", "a", "x"), unsub("1"), unsub("3"))
        assert names(heard) == ["added", "updated", "result", "nosub", "nosub"]


@pytest.mark.parametrize("name", ["login", "createUser", "resetPassword", "forgotPassword"])
def test_the_default_rule(name: str) -> None:
    from django.conf import settings

    from dddp.api.rate_limit import Request, rate_limit_of
    from dddp.conf import DEFAULTS

    assert not hasattr(settings, "DDP_RATE_LIMITS")
    (options,) = DEFAULTS["rate_limits"]
    rule = rate_limit_of(options)
    assert (rule.requests, rule.seconds) == (5, 10)
    call = Request(None, "", "a", name, "method")
    assert rule.matches(call)
    assert not rule.matches(call._replace(type="subscription"))
    assert rule.key(call) != rule.key(call._replace(connection="b"))
