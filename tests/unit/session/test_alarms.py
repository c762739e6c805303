"""Many are woken by one timer, each in its time."""

import asyncio

import pytest

from dddp.session.alarms import PER_SECOND, Alarms
from dddp.session.gate import Gate


class Sleeper:
    def __init__(self, failure=None):
        self.failure = failure
        self.woken = asyncio.Event()
        self.when = 0.0

    def wake(self):
        self.when = asyncio.get_running_loop().time()
        self.woken.set()
        if self.failure:
            raise self.failure


@pytest.fixture
def now():
    return lambda: asyncio.get_running_loop().time()


async def test_not_before_its_time(now):
    alarms, early, late = Alarms(), Sleeper(), Sleeper()
    begin = now()
    alarms.set(late, begin + 0.25)
    alarms.set(early, begin + 0.05)
    await late.woken.wait()
    assert early.woken.is_set()
    assert begin + 0.05 <= early.when
    assert begin + 0.25 <= late.when


async def test_dropped_is_not_woken(now):
    alarms, dropped, other = Alarms(), Sleeper(), Sleeper()
    slot = alarms.set(dropped, now() + 0.01)
    alarms.drop(dropped, slot)
    alarms.drop(dropped, slot)
    alarms.set(other, now() + 2 / PER_SECOND)
    await other.woken.wait()
    assert not dropped.woken.is_set()


async def test_in_the_past_is_at_once(now):
    alarms, sleeper = Alarms(), Sleeper()
    alarms.set(sleeper, now() - 100)
    await sleeper.woken.wait()


async def test_one_that_fails_does_not_keep_the_others_asleep(now, caplog):
    alarms, when = Alarms(), now() + 0.01
    broken, sound = Sleeper(ValueError("a bug")), Sleeper()
    alarms.set(broken, when)
    alarms.set(sound, when)
    await sound.woken.wait()
    assert "a bug" in caplog.text


async def test_once_woken_it_can_be_set_again(now):
    alarms = Alarms()

    class Twice(Sleeper):
        def wake(self):
            if self.when:
                super().wake()
            else:
                self.when = now()
                alarms.set(self, now() + 0.01)

    sleeper = Twice()
    alarms.set(sleeper, now())
    await sleeper.woken.wait()


async def test_one_that_is_set_again_does_not_put_off_the_next(now):
    alarms, next_one = Alarms(), Sleeper()

    class Again(Sleeper):
        def wake(self):
            alarms.set(self, now() + 1000)

    alarms.set(Again(), now() + 0.01)
    alarms.set(next_one, now() + 0.3)
    await next_one.woken.wait()


async def test_a_gate_lets_those_go_on_who_wait_now():
    gate, passed = Gate(), []

    async def pass_through(name):
        await gate.wait()
        passed.append(name)

    gate.open()
    tasks = [asyncio.create_task(pass_through(name)) for name in "abc"]
    await asyncio.sleep(0)
    tasks[1].cancel()
    gate.open()
    await asyncio.wait(tasks)
    assert passed == ["a", "c"]
