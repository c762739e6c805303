"""What a connection's transport talks to."""

import asyncio

import pytest

from dddp.api.registry import Registry
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
