"""Sessions are closed one after the other when a server stops."""

import asyncio

import pytest

from dddp.session import draining
from dddp.session.draining import RESTART, drain


class Session:
    """Notes when it is told to leave, among the pauses; `stays` until it is set."""

    def __init__(self, log):
        self.log = log
        self.stays = asyncio.Event()
        self.stays.set()

    async def leave(self, patience, *close):
        self.log.append((patience, close))
        await self.stays.wait()


@pytest.fixture
def log(monkeypatch):
    """What happens: pauses as numbers, leaving sessions as pairs."""
    log = []
    sleep = asyncio.sleep

    async def pause(seconds):
        log.append(seconds)
        await sleep(0)

    monkeypatch.setattr(draining.asyncio, "sleep", pause)
    return log


async def test_many_take_the_time_there_is(log):
    await drain([Session(log) for _ in range(1000)], 5.0, 10.0)
    assert log == [5.0 / 1000, (10.0, RESTART)] * 999 + [5.0 / 1000, (10.0, RESTART)]


async def test_a_few_take_less(log):
    await drain([Session(log) for _ in range(3)], 5.0, 10.0)
    assert [each for each in log if isinstance(each, float)] == [0.05] * 3


async def test_no_spread(log):
    await drain([Session(log) for _ in range(3)], 0, 10.0)
    assert [each for each in log if not isinstance(each, tuple)] == [0] * 3


async def test_nobody(log):
    await drain([], 5.0, 10.0)
    assert log == []


async def test_one_that_stays_holds_up_no_other(log):
    sessions = [Session(log) for _ in range(3)]
    for session in sessions:
        session.stays.clear()
    draining_all = asyncio.ensure_future(drain(sessions, 1.0, 10.0))
    while len([each for each in log if isinstance(each, tuple)]) < 3:
        await asyncio.wait([draining_all], timeout=0.001)
    assert not draining_all.done()
    for session in sessions:
        session.stays.set()
    await draining_all
