"""Rules that look at who somebody is, and what is left of clients that are gone."""

import asyncio

import pytest

from dddp.api import MeteorError, Publication
from tools.feed import until
from tools.inprocess import InProcess


async def outcomes(client, method, times):
    calls = [client.call(method) for _ in range(times)]
    found = await asyncio.gather(*calls, return_exceptions=True)
    return [each.error if isinstance(each, MeteorError) else "passed" for each in found]


async def test_of_anonymous_clients(client, people, registry):
    registry.rate_limit(0, 60, name="who", user=lambda user: user is None)
    assert await outcomes(client, "who", 1) == ["too-many-requests"]
    await client.call("login", people["ada"])
    assert await outcomes(client, "who", 3) == ["passed"] * 3


async def test_of_a_user_wherever_he_is(hub, people, registry):
    registry.rate_limit(2, 60, name="who", per="user")
    async with InProcess(hub) as one, InProcess(hub) as two, InProcess(hub) as other:
        for client, name in ((one, "ada"), (two, "ada"), (other, "bob")):
            await client.call("login", people[name])
        assert await outcomes(one, "who", 2) == ["passed"] * 2
        assert await outcomes(two, "who", 1) == ["too-many-requests"]
        assert await outcomes(other, "who", 1) == ["passed"]


async def test_of_all_together(hub, registry):
    registry.rate_limit(3, 60, name="who", per=())
    async with InProcess(hub) as one, InProcess(hub) as two:
        assert await outcomes(one, "who", 2) == ["passed"] * 2
        assert await outcomes(two, "who", 2) == ["passed", "too-many-requests"]


async def test_running_again_is_no_request(client, people, offer, registry):
    @offer
    class Nothing(Publication):
        queries = []

    registry.rate_limit(1, 60, type="subscription")
    subscription = await client.subscribe("Nothing")
    await client.call("login", people["ada"])
    assert subscription.id not in client.ended
    with pytest.raises(MeteorError, match="too many requests"):
        await client.subscribe("Nothing")


async def test_calls_of_the_server_are_none(registry):
    registry.rate_limit(0, 60, name="who")
    assert await registry.acall("who") == [None, False]


async def test_counters_go_with_their_connection(hub, registry):
    registry.rate_limit(2, 60, name="who")
    async with InProcess(hub) as client:
        await outcomes(client, "who", 3)
        windows = list(hub.rate_limiter._windows.values())
        assert [len(window.counters) for window in windows] == [1]
    await until(lambda: [window.counters for window in windows] == [{}])
