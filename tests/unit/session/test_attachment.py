"""What a connection's transport talks to."""

import asyncio
import json
import threading

import pytest

from dddp.api.registry import Registry
from dddp.protocol import connection as protocol
from dddp.session import attachment
from dddp.session.hub import Hub
from dddp.session.info import ConnectionInfo
from dddp.session.session import Session


@pytest.fixture
async def hub():
    hub = Hub(Registry())
    yield hub
    for connection in list(hub.connections):
        connection.lost()
    await hub.stop()


@pytest.mark.parametrize("text", ["", '{"msg":"ping"}'])
async def test_many_messages_that_come_together_hold_nobody_up(hub, text):
    connection = hub.open(ConnectionInfo())

    async def take_in():
        for _ in range(1000):
            await connection.receive(text)

    taking_in, turns = asyncio.create_task(take_in()), 0
    while not taking_in.done():
        await asyncio.sleep(0)
        turns += 1
    assert turns > 10


@pytest.fixture
def decoding(monkeypatch):
    """Where messages are parsed, and what lets large ones be."""
    threads, may_end = {}, threading.Event()
    parse = protocol.parse

    def watched(data):
        threads[len(data)] = threading.current_thread()
        if len(data) > 100_000:
            assert may_end.wait(10)
        return parse(data)

    monkeypatch.setattr(protocol, "parse", watched)
    return threads, may_end


def large(*, msg="nothing"):
    return json.dumps({"msg": msg, "params": [[{"$date": 1}] * 10_000]})


async def shown(connection, number):
    """The reasons of so many errors that the client is told."""
    frames = []
    while len(frames) < number:
        frames += await connection.outbox.take()
    return [json.loads(frame.data)["reason"] for frame in frames]


async def test_large_messages_do_not_hold_up_the_event_loop(hub, decoding):
    threads, may_end = decoding
    connection, other = hub.open(ConnectionInfo()), hub.open(ConnectionInfo())
    assert not connection.feed(large())
    assert other.feed("[1]")
    assert await shown(other, 1) == ["Bad request"]
    may_end.set()
    await connection.room()
    assert await shown(connection, 1) == ["Must connect first"]
    assert threads[len(large())] is not threading.current_thread()
    assert threads[len("[1]")] is threading.current_thread()


async def test_what_comes_behind_a_large_message_stays_behind_it(hub, decoding):
    _, may_end = decoding
    connection = hub.open(ConnectionInfo())
    both = [asyncio.create_task(connection.receive(text)) for text in (large(), "[1]")]
    await asyncio.sleep(0)
    may_end.set()
    await asyncio.gather(*both)
    assert await shown(connection, 2) == ["Must connect first", "Bad request"]


async def test_who_leaves_while_a_message_is_decoded_gets_no_session(hub, decoding):
    _, may_end = decoding
    connection = hub.open(ConnectionInfo())
    padding = "x" * 200_000
    connect = {"msg": "connect", "version": "1", "support": ["1"], "padding": padding}
    taking_in = asyncio.create_task(connection.receive(json.dumps(connect)))
    await asyncio.sleep(0)
    connection.lost()
    may_end.set()
    await taking_in
    assert connection.session is None


async def test_much_text_is_taken_in_at_once_and_before_the_client_has_gone(hub, monkeypatch):
    taken = []
    monkeypatch.setattr(Session, "take", lambda self, event, size: taken.append(event.params))
    connection = hub.open(ConnectionInfo())
    connection.feed('{"msg":"connect","version":"1","support":["1"]}')
    params = ["x" * 100_000]
    call = {"msg": "method", "method": "m", "id": "1", "params": params}
    connection.feed(json.dumps(call))
    connection.lost()
    assert taken == [params]


async def test_the_server_stops_while_several_are_decoded(hub, decoding):
    _, may_end = decoding
    connections = [hub.open(ConnectionInfo()) for _ in range(4)]
    receiving = [asyncio.create_task(each.receive(large())) for each in connections]
    await asyncio.sleep(0)
    stopping = asyncio.create_task(hub.stop())
    await asyncio.sleep(0)
    may_end.set()
    await stopping
    assert await asyncio.wait_for(asyncio.gather(*receiving), 10) == [None] * 4


async def test_who_never_connects_is_closed_though_it_sends_large_messages(
    hub, decoding, monkeypatch
):
    monkeypatch.setattr(attachment, "CONNECT_SECONDS", 0.05)
    _, may_end = decoding
    connection = hub.open(ConnectionInfo())
    receiving = asyncio.create_task(connection.receive(large()))
    async with asyncio.timeout(10):
        assert await connection.outbox.take() is None
    may_end.set()
    await receiving
