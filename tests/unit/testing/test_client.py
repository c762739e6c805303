"""The test client, against servers of a few lines."""

from __future__ import annotations

import asyncio
import datetime as dt
import json
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
from websockets.asyncio.server import Server, ServerConnection, serve

from dddp.exceptions import MeteorError
from dddp.testing.client import DDPClient, sockjs_url

Script = Callable[["Peer"], Awaitable[None]]
NEW_YEAR = dt.datetime(2024, 1, 1, tzinfo=dt.UTC)


class Peer:
    """The server's side of one connection."""

    def __init__(self, socket: ServerConnection) -> None:
        self.socket = socket
        self.sockjs = "/sockjs/" in (socket.request.path if socket.request else "")

    async def send(self, *messages: Any) -> None:
        for message in messages:
            text = json.dumps(message)
            await self.socket.send("a" + json.dumps([text]) if self.sockjs else text)

    async def receive(self) -> Any:
        data = json.loads(await self.socket.recv())
        return json.loads(data[0]) if self.sockjs else data

    async def connect(self) -> None:
        if self.sockjs:
            await self.socket.send("o")
        assert (await self.receive())["msg"] == "connect"
        await self.send({"msg": "connected", "session": "s"})


@asynccontextmanager
async def serving(script: Script) -> AsyncIterator[str]:
    async def handle(socket: ServerConnection) -> None:
        await script(Peer(socket))

    server: Server
    async with serve(handle, "127.0.0.1", 0) as server:
        port = next(iter(server.sockets)).getsockname()[1]
        yield f"ws://127.0.0.1:{port}/websocket"


@pytest.fixture(params=["raw", "sockjs"])
def sockjs(request: pytest.FixtureRequest) -> bool:
    return bool(request.param == "sockjs")


async def test_connects(sockjs: bool) -> None:
    async with serving(Peer.connect) as url, DDPClient(url, sockjs=sockjs) as client:
        assert client.session == "s"
        assert client.violations == []


async def test_no_common_version(sockjs: bool) -> None:
    async def script(peer: Peer) -> None:
        await peer.receive()
        await peer.send({"msg": "failed", "version": "2"})

    async with serving(script) as url:
        with pytest.raises(ConnectionError, match="failed"):
            async with DDPClient(url, sockjs=sockjs):
                pass


async def test_subscribes_and_stops(sockjs: bool) -> None:
    added = {"msg": "added", "collection": "c", "id": "1", "fields": {"day": {"$date": 0}}}

    async def script(peer: Peer) -> None:
        await peer.connect()
        sub = await peer.receive()
        assert sub == {
            "msg": "sub",
            "id": sub["id"],
            "name": "books",
            "params": [{"$date": 1704067200000}],
        }
        await peer.send(added, {"msg": "ready", "subs": [sub["id"]]})
        assert await peer.receive() == {"msg": "unsub", "id": sub["id"]}
        await peer.send({"msg": "removed", "collection": "c", "id": "1"})
        await peer.send({"msg": "nosub", "id": sub["id"]})

    async with serving(script) as url, DDPClient(url, sockjs=sockjs) as client:
        subscription = await client.subscribe("books", NEW_YEAR)
        assert client.collections["c"] == {"1": {"day": dt.datetime(1970, 1, 1, tzinfo=dt.UTC)}}
        await subscription.stop()
        assert client.collections["c"] == {}
        assert client.violations == []


@pytest.mark.parametrize("error", [None, {"error": 404, "reason": "No such thing"}])
async def test_refused_subscription(error: Any) -> None:
    async def script(peer: Peer) -> None:
        await peer.connect()
        sub = await peer.receive()
        nosub = {"msg": "nosub", "id": sub["id"]}
        await peer.send(nosub if error is None else {**nosub, "error": error})

    async with serving(script) as url, DDPClient(url) as client:
        with pytest.raises(MeteorError) as caught:
            await client.subscribe("x")
        wanted = ("stopped", None) if error is None else (404, "No such thing")
        assert (caught.value.error, caught.value.reason) == wanted


@pytest.mark.parametrize("order", [["result", "updated"], ["updated", "result"]])
async def test_a_call_waits_for_result_and_data(order: list[str]) -> None:
    answers: dict[str, Any] = {
        "result": {"msg": "result", "id": "1", "result": [{"$date": 1704067200000}]},
        "updated": {"msg": "updated", "methods": ["1"]},
    }
    go_on = asyncio.Event()

    async def script(peer: Peer) -> None:
        await peer.connect()
        assert await peer.receive() == {"msg": "method", "id": "1", "method": "m", "params": [1]}
        await peer.send(answers[order[0]])
        await go_on.wait()
        await peer.send(answers[order[1]])

    async with serving(script) as url, DDPClient(url) as client:
        call = asyncio.create_task(client.call("m", 1))
        await client.wait_for(lambda: client.messages[-1]["msg"] == order[0])
        assert not call.done()
        go_on.set()
        assert await call == [NEW_YEAR]
        assert client.violations == []


async def test_a_call_need_not_wait_for_its_data() -> None:
    async def script(peer: Peer) -> None:
        await peer.connect()
        await peer.receive()
        await peer.send({"msg": "result", "id": "1"})
        await peer.socket.wait_closed()

    async with serving(script) as url, DDPClient(url) as client:
        assert await client.call("m", wait_updated=False) is None


async def test_errors_of_calls() -> None:
    error = {"error": "bad", "reason": "Too bad", "details": {"a": 1}}

    async def script(peer: Peer) -> None:
        await peer.connect()
        await peer.receive()
        await peer.send({"msg": "result", "id": "1", "error": error})
        await peer.send({"msg": "updated", "methods": ["1"]})

    async with serving(script) as url, DDPClient(url) as client:
        with pytest.raises(MeteorError, match=r"Too bad \[bad\]") as caught:
            await client.call("m")
        assert caught.value.details == {"a": 1}


async def test_answers_pings(sockjs: bool) -> None:
    pongs: list[Any] = []

    async def script(peer: Peer) -> None:
        await peer.connect()
        await peer.send({"msg": "ping"}, {"msg": "ping", "id": "7"})
        pongs.extend([await peer.receive(), await peer.receive()])

    async with serving(script) as url, DDPClient(url, sockjs=sockjs) as client:
        await client.wait_closed()
    assert pongs == [{"msg": "pong"}, {"msg": "pong", "id": "7"}]


async def test_tells_how_it_was_closed() -> None:
    async def script(peer: Peer) -> None:
        await peer.connect()
        await peer.socket.close(3000, "Enough")

    async with serving(script) as url, DDPClient(url) as client:
        assert await client.wait_closed() == (3000, "Enough")
        with pytest.raises(ConnectionError, match="closed"):
            await client.send({"msg": "ping"})


class TestWaiting:
    async def test_has_an_end(self) -> None:
        async def script(peer: Peer) -> None:
            await peer.connect()
            await peer.socket.wait_closed()

        async with serving(script) as url, DDPClient(url) as client:
            with pytest.raises(AssertionError, match="did not come true in time"):
                await client.wait_for(lambda: False, timeout=0.01)

    async def test_ends_with_the_connection(self) -> None:
        async with serving(Peer.connect) as url, DDPClient(url) as client:
            with pytest.raises(AssertionError, match=re.escape("Closed with (1000, '')")):
                await client.wait_for(lambda: False)

    async def test_gives_back_what_it_waited_for(self) -> None:
        async with serving(Peer.connect) as url, DDPClient(url) as client:
            assert await client.wait_for(lambda: client.session) == "s"


@pytest.mark.parametrize(
    ("sockjs_", "data", "said"),
    [
        (False, "nonsense", "a malformed message"),
        (False, b'{"msg":"ping"}', "a binary message"),
        (True, "nonsense", "no SockJS frame"),
        (True, 'a["nonsense"]', "a malformed message"),
    ],
)
async def test_reports_what_is_no_message(sockjs_: bool, data: Any, said: str) -> None:
    async def script(peer: Peer) -> None:
        await peer.connect()
        await peer.socket.send(data)

    async with serving(script) as url, DDPClient(url, sockjs=sockjs_) as client:
        await client.wait_closed()
        (violation,) = client.violations
        assert said in violation


async def test_texts_of_any_kind() -> None:
    got: list[Any] = []

    async def script(peer: Peer) -> None:
        await peer.connect()
        got.extend([await peer.socket.recv() for _ in range(3)])

    async with serving(script) as url, DDPClient(url, sockjs=True) as client:
        await client.send_text("{")
        await client.send_text(b"\xff")
        await client.send_raw("[")
        await client.wait_closed()
    assert got == ['["{"]', b"\xff", "["]


async def test_is_open_before_it_sends() -> None:
    with pytest.raises(ConnectionError, match="not open"):
        await DDPClient("ws://127.0.0.1:1/websocket").send({"msg": "ping"})


@pytest.mark.parametrize(
    ("url", "pattern"),
    [
        ("ws://h:1/websocket", r"ws://h:1/sockjs/\d{3}/\w{8}/websocket"),
        ("wss://h/websocket/", r"wss://h/sockjs/\d{3}/\w{8}/websocket"),
        ("ws://h/live/websocket?x=1", r"ws://h/live/sockjs/\d{3}/\w{8}/websocket\?x=1"),
    ],
)
def test_sockjs_urls(url: str, pattern: str) -> None:
    assert re.fullmatch(pattern, sockjs_url(url))
    assert sockjs_url(url) != sockjs_url(url)
