"""The bounds on what may wait for a client."""

import asyncio

import pytest

from dddp.protocol.frames import Frame
from dddp.session.outbox import CHUNK, TOO_SLOW, Outbox


class Clock:
    now = 0.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def outbox(clock):
    return Outbox(limit=100, patience=30.0, clock=clock)


def frames(*sizes):
    return [Frame(b"x" * size) for size in sizes]


async def test_frames_come_out_in_order(outbox):
    first, second = frames(1, 2)
    outbox.push(first)
    outbox.push(second)
    assert await outbox.take() == [first, second]


async def test_taking_waits_for_a_frame(outbox):
    task = asyncio.create_task(outbox.take())
    await asyncio.sleep(0)
    (frame,) = frames(1)
    outbox.push(frame)
    assert await task == [frame]


async def test_what_was_queued_before_closing_still_goes_out(outbox):
    (frame,) = frames(1)
    outbox.push(frame)
    outbox.close(1000, "Normal closure")
    outbox.push(frame)
    assert await outbox.take() == [frame]
    assert await outbox.take() is None
    assert (outbox.close_code, outbox.close_reason) == (1000, "Normal closure")


async def test_closing_wakes_the_reader(outbox):
    task = asyncio.create_task(outbox.take())
    await asyncio.sleep(0)
    outbox.close(1000, "Normal closure")
    assert await task is None


async def test_over_the_limit_the_client_is_given_up(outbox):
    aborted = []
    outbox.on_abort(lambda: aborted.append(True))
    outbox.push_all(frames(60, 60))
    assert (outbox.close_code, outbox.close_reason) == TOO_SLOW
    assert aborted == [True]
    assert await outbox.take() is None


async def test_initial_data_may_be_larger_than_the_limit_and_changes_on_top_of_it(outbox):
    outbox.push_initial(frames(500, 500))
    outbox.push_all(frames(90))
    assert not outbox.closed
    outbox.push_all(frames(20))
    assert outbox.closed


async def test_the_allowance_for_initial_data_ends_once_it_is_out(outbox):
    outbox.push_initial(frames(500))
    await outbox.take()
    task = asyncio.create_task(outbox.take())
    await asyncio.sleep(0)
    outbox.push_all(frames(101))
    assert await task is None
    assert outbox.closed


async def test_large_amounts_are_taken_in_chunks(clock):
    outbox = Outbox(limit=10 * CHUNK, patience=30.0, clock=clock)
    pushed = frames(*[CHUNK // 2] * 5)
    outbox.push_all(pushed)
    taken = [await outbox.take() for _ in range(3)]
    assert [len(chunk) for chunk in taken] == [2, 2, 1]
    assert [frame for chunk in taken for frame in chunk] == pushed


async def test_a_write_that_does_not_end_is_given_up(outbox, clock):
    outbox.push_all(frames(1))
    await outbox.take()
    clock.now = 29.0
    outbox.check()
    assert not outbox.closed
    clock.now = 31.0
    outbox.check()
    assert outbox.closed


async def test_waiting_for_frames_is_not_slowness(outbox, clock):
    task = asyncio.create_task(outbox.take())
    await asyncio.sleep(0)
    clock.now = 1000.0
    outbox.check()
    assert not outbox.closed
    outbox.close(1000, "")
    await task
