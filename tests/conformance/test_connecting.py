"""DDP 1, "Establishing a DDP Connection"; where it is silent, Meteor 3."""

from __future__ import annotations

import re
from typing import Any

import pytest

from dddp.testing.client import DDPClient
from tools.talking import Talk, method, sub

SESSION_ID = "[23456789ABCDEFGHJKLMNPQRSTWXYZabcdefghijkmnopqrstuvwxyz]{17}"
NORMAL = (1000, "Normal closure")


def connect(version: Any, *support: Any) -> dict[str, Any]:
    return {"msg": "connect", "version": version, "support": list(support)}


class TestVersions:
    @pytest.mark.parametrize(
        "offer",
        [connect("1", "1", "pre2", "pre1"), connect("pre2", "pre2", "1"), connect("pre1", "pre1")],
    )
    async def test_agreed(self, opened: DDPClient, offer: dict[str, Any]) -> None:
        await opened.send(offer)
        await opened.wait_for(lambda: opened.session)
        assert opened.messages == [{"msg": "connected", "session": opened.session}]
        assert re.fullmatch(SESSION_ID, str(opened.session))

    @pytest.mark.parametrize(
        ("offer", "wanted"),
        [
            (connect("pre1", "1", "pre1"), "1"),
            (connect("1", "pre2", "1"), "pre2"),
            (connect("2", "2"), "1"),
            (connect("1"), "1"),
            (connect(1, 1), "1"),
            (connect("1", "1", None), "1"),
            ({"msg": "connect"}, "1"),
        ],
    )
    async def test_refused(self, opened: DDPClient, offer: dict[str, Any], wanted: str) -> None:
        await opened.send(offer)
        assert await opened.wait_closed() == NORMAL
        assert opened.messages == [{"msg": "failed", "version": wanted}]

    async def test_the_client_may_try_again_with_the_wanted_one(
        self, opened: DDPClient, talk: Talk
    ) -> None:
        await opened.send(connect("pre1", "1", "pre1"))
        await opened.wait_closed()
        assert talk.client.session


class TestSessions:
    async def test_are_told_apart(self, talk: Talk, other: Talk) -> None:
        assert talk.client.session != other.client.session

    async def test_a_client_that_does_not_count_gets_another(
        self, opened: DDPClient, talk: Talk
    ) -> None:
        old = talk.client.session
        await opened.send({**connect("1", "1"), "session": old})
        await opened.wait_for(lambda: opened.session)
        assert opened.session != old
        assert await talk.client.wait_closed() == NORMAL

    async def test_one_whose_id_is_not_known_gets_another(self, opened: DDPClient) -> None:
        unknown = "23456789ABCDEFGHJ"
        await opened.send({**connect("1", "1"), "session": unknown, "receivedCount": 1})
        await opened.wait_for(lambda: opened.session)
        assert opened.session != unknown

    async def test_lost_and_resumed(self, talk: Talk) -> None:
        client = talk.client
        await talk.say(sub("1", "AllKeyed"), method("1", "wire/put", "a", 1))
        session, seen = client.session, len(client.messages)
        client.cut()
        assert await client.reconnect()
        assert client.messages[seen:] == [{"msg": "connected", "session": session}]
        assert await talk.say(method("2", "wire/drop", "a")) == [
            {"msg": "connected", "session": session},
            {"msg": "removed", "collection": "zoo.keyed", "id": "a"},
            {"msg": "updated", "methods": ["2"]},
            {"msg": "result", "id": "2", "result": None},
        ]

    async def test_lost_and_not_resumed(self, talk: Talk) -> None:
        client = talk.client
        await talk.say(sub("1", "AllKeyed"), method("1", "wire/put", "a", 1))
        session = client.session
        client.cut()
        assert not await client.reconnect(resume=False)
        await client.wait_for(lambda: "1" in client.ready)
        assert client.session != session
        assert set(client.collections["zoo.keyed"]) == {"a"}

    async def test_connecting_twice(self, talk: Talk) -> None:
        again = connect("1", "1")
        assert await talk.say(again, {"msg": "ping"}) == [
            {"msg": "error", "reason": "Already connected", "offendingMessage": again},
            {"msg": "pong"},
        ]

    async def test_disconnect_closes(self, talk: Talk) -> None:
        await talk.client.send({"msg": "disconnect"})
        assert await talk.client.wait_closed() == NORMAL


class TestOrder:
    async def test_the_server_waits_for_the_client(self, opened: DDPClient) -> None:
        await opened.send(connect("1", "1"))
        await opened.wait_for(lambda: opened.messages)
        assert opened.messages[0]["msg"] == "connected"

    async def test_connect_comes_first(self, opened: DDPClient) -> None:
        early: list[dict[str, Any]] = [
            {"msg": "ping"},
            {"msg": "sub", "id": "1", "name": "AllKeyed"},
            {"msg": "method", "id": "1", "method": "wire/echo", "params": []},
        ]
        for message in early[:2]:
            await opened.send(message)
        await opened.send_text("nonsense")
        await opened.send(connect("1", "1"))
        await opened.wait_for(lambda: opened.session)
        assert opened.messages[:-1] == [
            *(
                {"msg": "error", "reason": "Must connect first", "offendingMessage": message}
                for message in early[:2]
            ),
            {"msg": "error", "reason": "Bad request"},
        ]

    async def test_clients_need_not_wait_for_connected(self, opened: DDPClient) -> None:
        await opened.send(connect("1", "1"))
        for number in range(3):
            id = str(number)
            message = {"msg": "method", "id": id, "method": "wire/echo", "params": [number]}
            await opened.send(message)
        await opened.send({"msg": "sub", "id": "s", "name": "AllKeyed"})
        await opened.wait_for(lambda: "s" in opened.ready)
        assert [message["msg"] for message in opened.messages] == [
            "connected",
            *["updated", "result"] * 3,
            "ready",
        ]


class TestPing:
    async def test_answered_with_its_id(self, talk: Talk) -> None:
        assert await talk.say({"msg": "ping", "id": "7"}, {"msg": "ping"}, {"msg": "pong"}) == [
            {"msg": "pong", "id": "7"},
            {"msg": "pong"},
        ]

    async def test_not_known_before_pre2(self, opened: DDPClient) -> None:
        await opened.send(connect("pre1", "pre1"))
        await opened.wait_for(lambda: opened.session)
        assert await Talk(opened).say({"msg": "ping"}) == [
            {"msg": "error", "reason": "Bad request", "offendingMessage": {"msg": "ping"}}
        ]
