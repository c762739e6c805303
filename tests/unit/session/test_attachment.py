"""What a connection's transport talks to."""

import asyncio
import json
import threading

import pytest

from dddp.api.registry import Registry
from dddp.protocol import connection as protocol
from dddp.session.hub import Hub
from dddp.session.info import ConnectionInfo


@pytest.mark.parametrize("text", ["", '{"msg":"ping"}'])
async def test_many_messages_that_come_together_hold_nobody_up(text):
    connection = Hub(Registry()).open(ConnectionInfo())

    async def take_in():
        for _ in range(1000):
            await connection.receive(text)

    taking_in, turns = asyncio.create_task(take_in()), 0
    while not taking_in.done():
        await asyncio.sleep(0)
        turns += 1
    assert turns > 10
    connection.lost()


@pytest.fixture
def decoding(monkeypatch):
    """Where messages are parsed, and what lets large ones be: set from the start."""
    threads, may_end = {}, threading.Event()
    may_end.set()
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


async def test_large_messages_do_not_hold_up_the_event_loop(decoding):
    threads, may_end = decoding
    may_end.clear()
    hub = Hub(Registry())
    connection, other = hub.open(ConnectionInfo()), hub.open(ConnectionInfo())
    assert not connection.feed(large())
    assert other.feed("[1]")
    assert await shown(other, 1) == ["Bad request"]
    may_end.set()
    await connection.room()
    assert await shown(connection, 1) == ["Must connect first"]
    assert threads[len(large())] is not threading.current_thread()
    assert threads[len("[1]")] is threading.current_thread()
    for each in (connection, other):
        each.lost()
    await hub.stop()


async def test_what_comes_behind_a_large_message_stays_behind_it(decoding):
    _, may_end = decoding
    may_end.clear()
    hub = Hub(Registry())
    connection = hub.open(ConnectionInfo())
    both = [asyncio.create_task(connection.receive(text)) for text in (large(), "[1]")]
    await asyncio.sleep(0)
    may_end.set()
    await asyncio.gather(*both)
    assert await shown(connection, 2) == ["Must connect first", "Bad request"]
    connection.lost()
    await hub.stop()


async def test_who_leaves_while_a_message_is_decoded_gets_no_session(decoding):
    _, may_end = decoding
    may_end.clear()
    hub = Hub(Registry())
    connection = hub.open(ConnectionInfo())
    padding = "x" * 200_000
    connect = {"msg": "connect", "version": "1", "support": ["1"], "padding": padding}
    taking_in = asyncio.create_task(connection.receive(json.dumps(connect)))
    await asyncio.sleep(0)
    connection.lost()
    may_end.set()
    await taking_in
    assert connection.session is None
    await hub.stop()
