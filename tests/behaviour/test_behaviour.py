"""What clients see is the same under every server and over every transport."""

from __future__ import annotations

import asyncio
import hashlib
import json
from contextlib import AsyncExitStack
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from transports import TRANSPORTS, Connect

from dddp.api import MeteorError
from dddp.testing.client import DDPClient
from tools.serving import Watched
from tools.talking import Talk, method, names, sub, unsub

NORMAL = 1000
TEXTS = [
    "",
    "\x00\x1f\x7f",
    "Grüße, 世界, 🎈",
    "\u2028\u2029\u200d\ufeff\uffff\ue000",
    '"\\\n</script>',
]


def heard(client: DDPClient) -> list[dict[str, Any]]:
    """What came, without the heartbeat's part."""
    return [message for message in client.messages if message["msg"] != "ping"]


class TestConnecting:
    async def test_connect(self, connect: Connect, transport: str) -> None:
        first, second = await connect(), await connect()
        assert first.session != second.session
        assert heard(first) == [{"msg": "connected", "session": first.session}]
        seen = await first.call("wire/connection")
        assert (seen["transport"], seen["id"] == first.session) == (transport, False)
        assert seen["address"] == "127.0.0.1"

    async def test_another_version(self, open_client: Connect) -> None:
        client = await open_client()
        await client.send({"msg": "connect", "version": "pre9", "support": ["pre9"]})
        assert (await client.wait_closed())[0] == NORMAL
        assert heard(client) == [{"msg": "failed", "version": "1"}]

    async def test_connect_comes_first(self, open_client: Connect) -> None:
        client = await open_client()
        early = method("1", "wire/echo")
        await client.send_text(json.dumps(early))
        await client.connect()
        assert heard(client)[0] == {
            "msg": "error",
            "reason": "Must connect first",
            "offendingMessage": early,
        }

    async def test_everything_at_once(self, open_client: Connect) -> None:
        """Clients send what they want without waiting for `connected`."""
        client = await open_client()
        await client.send({"msg": "connect", "version": "1", "support": ["1"]})
        for n in range(20):
            await client.send(method(str(n), "wire/echo", n))
        await client.send(sub("s", "AllKeyed"))
        await client.wait_for(lambda: "s" in client.ready)
        assert names(heard(client)) == ["connected", *["updated", "result"] * 20, "ready"]
        assert [client.results[str(n)]["result"] for n in range(20)] == [[n] for n in range(20)]


class TestSubscribing:
    async def test_a_life(self, connect: Connect) -> None:
        writer, reader = await connect(), await connect()
        await writer.call("wire/put", "a", 1)
        talk = Talk(reader)
        assert names(await talk.say(sub("s", "AllKeyed"))) == ["added", "ready"]
        documents = reader.collections["zoo.keyed"]
        await writer.call("wire/put", "a", 2)
        await writer.call("wire/put", "b", 1)
        await writer.call("wire/drop", "a")
        await reader.wait_for(lambda: list(documents) == ["b"])
        said = await talk.say(unsub("s"))
        assert [name for name in names(said) if name != "ping"] == [
            "changed",
            "added",
            "removed",
            "removed",
            "nosub",
        ]
        assert documents == {}

    async def test_two_of_one_client(self, connect: Connect) -> None:
        client = await connect()
        await client.call("wire/put", "a", "1")
        narrow, wide = await client.subscribe("KeysOnly"), await client.subscribe("AllKeyed")
        assert client.collections["zoo.keyed"] == {"a": {"value": "1"}}
        await wide.stop()
        assert client.collections["zoo.keyed"] == {"a": {}}
        await narrow.stop()
        assert client.collections["zoo.keyed"] == {}


class TestCalling:
    async def test_data_then_updated_then_result(self, connect: Connect) -> None:
        talk = Talk(await connect())
        await talk.say(sub("s", "AllKeyed"))
        said = names(await talk.say(method("1", "wire/put", "a", 1)))
        assert [name for name in said if name != "ping"] == ["added", "updated", "result"]

    async def test_a_slow_one_holds_up_no_ping(self, connect: Connect) -> None:
        client, other = await connect(), await connect()
        await client.send(method("slow", "wire/pass_gate", f"behaviour {client.session}"))
        await client.send({"msg": "ping", "id": "p"})
        await client.wait_for(lambda: {"msg": "pong", "id": "p"} in client.messages)
        assert "slow" not in client.results
        await other.call("wire/open_gate", f"behaviour {client.session}")
        await client.wait_for(lambda: "slow" in client.updated)

    async def test_errors(self, connect: Connect, server: Watched) -> None:
        client = await connect()
        server.expect_traceback("ValueError: a secret")
        for name, params, error in (
            ("nothing/there", (), MeteorError(404, "Method 'nothing/there' not found")),
            ("wire/refuse", ("é", "reason", {"n": [1]}), MeteorError("é", "reason", {"n": [1]})),
            ("wire/fail", ("a secret",), MeteorError(500, "Internal server error")),
        ):
            with pytest.raises(MeteorError) as caught:
                await client.call(name, *params)
            assert caught.value.as_wire() == error.as_wire()
        with pytest.raises(MeteorError, match="Not for you"):
            await client.subscribe("Refused")
        assert await client.call("wire/echo", 1) == [1]


class TestContents:
    async def test_unicode(self, connect: Connect) -> None:
        client = await connect()
        assert await client.call("wire/echo", *TEXTS) == TEXTS
        await client.subscribe("AllKeyed")
        for text in TEXTS[2:]:
            await client.call("wire/put", text, text)
        assert client.collections["zoo.keyed"] == {text: {"value": text} for text in TEXTS[2:]}

    async def test_half_a_character(self, connect: Connect) -> None:
        """JavaScript's strings may hold one half of a surrogate pair, and JSON has it escaped."""
        client = await connect()
        await client.send_text(
            '{"msg":"method","id":"h","method":"wire/echo","params":["\\ud83c"]}'
        )
        await client.send(method("1", "wire/echo", 1))
        await client.wait_for(lambda: "1" in client.results)

    async def test_large_ones(self, connect: Connect) -> None:
        client = await connect()
        text = "0123456789é" * 20_000
        assert await client.call("wire/echo", text) == [text]
        await client.call("wire/put", "large", text)
        await client.subscribe("AllKeyed")
        (document,) = client.collections["zoo.keyed"].values()
        assert document["value"] == text

    async def test_many(self, connect: Connect) -> None:
        client = await connect()
        await client.call("wire/put_many", 1000)
        await client.subscribe("AllKeyed")
        assert len(client.collections["zoo.keyed"]) == 1000


class TestMistakes:
    async def test_malformed_input(self, connect: Connect) -> None:
        talk = Talk(await connect())
        said = await talk.say("", "[]", "nonsense", "5", '{"msg":"x"}', '{"msg":"sub","id":1}')
        assert [each["reason"] for each in said if each["msg"] == "error"] == [
            *["Bad request"] * 5,
            "Malformed subscription",
        ]
        assert await talk.client.call("wire/echo", 1) == [1]

    async def test_too_large(self, connect: Connect) -> None:
        client, other = await connect(), await connect()
        await client.send_text("x" * 400_001)
        # Daphne can send no other codes than 1000 and those from 3000 on.
        assert (await client.wait_closed())[0] in (1009, 4009)
        assert await other.call("wire/echo", 1) == [1]


class TestEnding:
    async def test_by_the_server(self, connect: Connect) -> None:
        client = await connect()
        await client.send(method("1", "wire/close"))
        assert (await client.wait_closed())[0] == NORMAL

    async def test_by_the_client(self, connect: Connect) -> None:
        client, other = await connect(), await connect()
        await client.call("wire/put_while_connected", "here")
        await other.subscribe("AllKeyed")
        assert len(other.collections["zoo.keyed"]) == 1
        await client.send({"msg": "disconnect"})
        await client.close()
        await other.wait_for(lambda: not other.collections["zoo.keyed"])

    async def test_a_cut_connection_goes_on(self, connect: Connect) -> None:
        client, other = await connect(), await connect()
        await client.subscribe("AllKeyed")
        assert await client.reconnect()
        await other.call("wire/put", "a", 1)
        await client.wait_for(lambda: client.collections["zoo.keyed"])
        assert sum(message["msg"] == "ready" for message in client.messages) == 1

    async def test_a_new_connection_gets_everything_again(self, connect: Connect) -> None:
        first, other = await connect(), await connect()
        await first.call("wire/put", "a", 1)
        await first.subscribe("AllKeyed")
        await first.close()
        await other.call("wire/put", "b", 1)
        second = await connect()
        await second.subscribe("AllKeyed")
        assert second.session != first.session
        assert set(second.collections["zoo.keyed"]) == {"a", "b"}


class TestHeartbeat:
    async def test_silent_clients(self, server: Watched) -> None:
        """Pinged after DDP_HEARTBEAT_INTERVAL, closed after DDP_HEARTBEAT_TIMEOUT."""
        async with AsyncExitStack() as stack:
            clients = [make(server.ws_url) for make in TRANSPORTS.values()]
            answering = await stack.enter_async_context(DDPClient(server.ws_url))
            for client in clients:
                client._pong = lambda ping: asyncio.sleep(0)
                await stack.enter_async_context(client)
            for client in clients:
                assert (await client.wait_closed())[0] == NORMAL
                assert names(client.messages) == ["connected", "ping"]
            assert await answering.call("wire/echo", 1) == [1]


class TestAccounts:
    async def test_login_and_logout(self, connect: Connect) -> None:
        password = "correct horse battery"
        user = get_user_model().objects.create_user("ada", "ada@example.org", password)
        digest = hashlib.sha256(password.encode()).hexdigest()
        credentials = {
            "user": {"username": "ada"},
            "password": {"digest": digest, "algorithm": "sha-256"},
        }
        first, second = await connect(), await connect()
        login = await first.call("login", credentials)
        assert login["id"] == str(user.pk)
        assert first.collections["users"][login["id"]]["username"] == "ada"
        assert (await second.call("login", {"resume": login["token"]}))["id"] == login["id"]
        await first.call("logout")
        assert first.collections["users"] == {}
        assert (await second.wait_closed())[0] == NORMAL
