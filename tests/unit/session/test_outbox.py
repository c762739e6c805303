"""The bounds on what may wait for a client."""

import asyncio

import pytest

from dddp.protocol.frames import Frame
from dddp.session.batch import Batch
from dddp.session.outbox import CHUNK, TOO_SLOW, Outbox
from dddp.session.turns import Turns


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
    for size in (60, 60, 60):
        outbox.push_all(frames(size))
    assert (outbox.close_code, outbox.close_reason) == TOO_SLOW
    assert aborted == [True]
    assert await outbox.take() is None


async def test_one_push_may_be_of_any_size(outbox):
    pushed = frames(500, 500)
    outbox.push_all(pushed)
    assert not outbox.closed
    assert await outbox.take() == pushed
    outbox.push_all(frames(1000))
    assert not outbox.closed


async def test_on_top_of_a_large_push_there_is_room_for_the_limit(outbox):
    outbox.push_all(frames(500, 500))
    outbox.push_all(frames(100))
    assert not outbox.closed
    outbox.push(*frames(1))
    assert outbox.closed


async def test_what_was_pushed_before_counts(outbox):
    outbox.push_all(frames(90))
    outbox.push_all(frames(1000))
    outbox.push_all(frames(10))
    assert not outbox.closed
    outbox.push_all(frames(1))
    assert outbox.closed


async def test_initial_data_may_be_larger_than_the_limit_and_changes_on_top_of_it(outbox):
    outbox.push_initial(frames(500, 500))
    outbox.push_all(frames(90))
    assert not outbox.closed
    outbox.push_all(frames(20))
    assert outbox.closed


async def test_the_allowance_for_initial_data_ends_once_it_is_out(outbox):
    outbox.push_initial(frames(500))
    await outbox.take()
    outbox.push_all(frames(101))
    outbox.push_all(frames(200))
    assert outbox.closed


async def test_batches_are_built_little_by_little_and_in_order(outbox):
    built = []

    def building():
        for number in range(1000):
            built.append(number)
            yield Frame(b"%d" % number)

    outbox.push(Frame(b"before"))
    outbox.push_initial(Batch(building(), 3000, 1000))
    outbox.push(Frame(b"behind"))
    assert built == []
    assert [frame.data for frame in await outbox.take()][:2] == [b"before", b"0"]
    assert 0 < len(built) < 100
    while outbox.size:
        last = await outbox.take()
    assert built == list(range(1000))
    assert last[-1].data == b"behind"


async def test_a_batch_of_nothing_is_as_if_it_were_not(outbox):
    outbox.push_all(Batch(iter([]), 50, 1))
    (frame,) = frames(1)
    outbox.push(frame)
    assert await outbox.take() == [frame]
    assert outbox.size == 0


async def test_a_batch_counts_before_it_is_built(outbox):
    outbox.push_initial(Batch(iter(frames(90)), 90, 1))
    outbox.push_all(Batch(iter(frames(90)), 90, 1))
    outbox.push_all(Batch(iter(frames(90)), 90, 1))
    assert outbox.closed


async def test_a_shared_batch_is_built_once(clock):
    first, second = Batch(iter(frames(1, 2)), 3, 2).shared(2)
    outboxes = [Outbox(100, 30.0, clock) for _ in range(2)]
    for outbox, batch in zip(outboxes, (first, second), strict=True):
        outbox.push_all(batch)
    one, other = [await outbox.take() for outbox in outboxes]
    assert len(one) == 2
    assert all(a is b for a, b in zip(one, other, strict=True))


async def test_large_amounts_are_taken_in_chunks(clock):
    outbox = Outbox(limit=10 * CHUNK, patience=30.0, clock=clock)
    pushed = frames(*[CHUNK // 2] * 5)
    outbox.push_all(pushed)
    taken = [await outbox.take() for _ in range(3)]
    assert [len(chunk) for chunk in taken] == [2, 2, 1]
    assert [frame for chunk in taken for frame in chunk] == pushed


async def test_a_heartbeat_overtakes_a_long_queue_only(clock):
    outbox = Outbox(1000, 30.0, clock)
    first, second, ping, pong = frames(1, 2, 3, 4)
    outbox.push(first)
    outbox.push_ahead(ping)
    assert await outbox.take() == [first, ping]
    outbox.push_all([first] * 200)
    outbox.push_ahead(ping)
    outbox.push_ahead(pong)
    outbox.push(second)
    assert await outbox.take() == [ping, pong]
    while outbox.size:
        last = await outbox.take()
    assert last[-1] is second


async def test_heartbeats_count_too(outbox):
    outbox.push_all(frames(*[5] * 20))
    outbox.push_ahead(*frames(50))
    outbox.push_ahead(*frames(50))
    assert outbox.closed
    assert await outbox.take() is None


async def test_much_is_taken_one_at_a_time_and_a_little_at_once(clock):
    turns, rounds = Turns(), []
    outboxes = [Outbox(1000, 30.0, clock, turns.next) for _ in range(3)]
    for outbox in outboxes[:2]:
        outbox.push_all(frames(*[1] * 100))

    async def drain(name, outbox):
        while outbox.size:
            await outbox.take()
            rounds.append(name)

    outboxes[2].push_all(frames(1))
    await asyncio.gather(*[drain(name, each) for name, each in zip("abc", outboxes, strict=True)])
    assert rounds == ["c", "a", "b", "a", "b"]


async def test_a_turn_that_is_not_waited_for_any_more_is_the_next_ones():
    turns = Turns()
    first, second = (asyncio.create_task(turns.next()) for _ in range(2))
    await asyncio.sleep(0)
    first.cancel()
    await second


async def test_given_up_while_waiting_for_a_turn(clock):
    turns = Turns()
    outbox = Outbox(100, 30.0, clock, turns.next)
    outbox.push_all(frames(*[1] * 50))
    task = asyncio.create_task(outbox.take())
    await asyncio.sleep(0)
    outbox.abort(1013, "enough")
    assert await task is None


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


class TestPushed:
    """A reader that is called instead of waiting."""

    async def test_called_once_until_asked_for_again(self, outbox):
        calls = []
        outbox.on_frames(lambda: calls.append("called"))
        assert calls == []
        pushed = frames(1, 2)
        for frame in pushed:
            outbox.push(frame)
        assert calls == ["called"]
        assert outbox.take_now() == pushed
        assert outbox.take_now() == []
        outbox.on_frames(lambda: calls.append("again"))
        outbox.push_all(frames(1, 2))
        assert calls == ["called", "again"]

    async def test_called_at_once_for_what_is_there(self, outbox):
        calls = []
        outbox.push(*frames(1))
        outbox.on_frames(lambda: calls.append("called"))
        assert calls == ["called"]

    async def test_called_for_the_close(self, outbox):
        calls = []
        (frame,) = frames(1)
        outbox.push(frame)
        outbox.on_frames(lambda: calls.append("called"))
        outbox.take_now()
        outbox.on_frames(lambda: calls.append("closed"))
        outbox.close(1000, "")
        assert calls == ["called", "closed"]
        assert outbox.take_now() is None

    async def test_a_long_queue_is_told_and_goes_out_in_chunks(self, clock):
        outbox = Outbox(10 * CHUNK, 30.0, clock)
        pushed = frames(*[1] * 100)
        outbox.push_all(pushed)
        assert outbox.is_long
        taken = [outbox.take_now(), outbox.take_now()]
        assert [frame for chunk in taken for frame in chunk] == pushed
        assert not outbox.is_long

    async def test_taking_raises_no_suspicion_but_stalling_does(self, outbox, clock):
        outbox.push(*frames(1))
        outbox.take_now()
        clock.now = 100.0
        outbox.check()
        assert not outbox.closed
        outbox.stalled()
        clock.now = 129.0
        outbox.flowing()
        clock.now = 200.0
        outbox.check()
        assert not outbox.closed
        outbox.stalled()
        clock.now = 231.0
        outbox.check()
        assert outbox.closed

    async def test_there_is_room_again_once_taken(self, outbox):
        outbox.push_initial(frames(500))
        room = asyncio.create_task(outbox.room())
        await asyncio.sleep(0)
        assert not room.done()
        outbox.take_now()
        await room
