"""Jobs in threads: how many at a time, and what becomes of those that do not return."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Callable

import pytest

from dddp.session import work
from dddp.session.work import Threads
from tools.feed import until

SECONDS = 20


@pytest.fixture
def gate() -> threading.Event:
    return threading.Event()


@pytest.fixture
async def threads(gate: threading.Event) -> AsyncIterator[Callable[..., Threads]]:
    """Make pools; at the end the gate is opened, so that their threads end."""
    made: list[Threads] = []

    def make(size: int, spare: int = 0) -> Threads:
        made.append(Threads(size, "test", spare))
        return made[-1]

    yield make
    gate.set()
    for each in made:
        await each.stop()


class Stuck:
    """Jobs that run until the gate is opened."""

    def __init__(self, gate: threading.Event) -> None:
        self._gate = gate
        self.begun = threading.Semaphore(0)

    def __call__(self) -> str:
        self.begun.release()
        assert self._gate.wait(SECONDS)
        return "done"

    async def start(self, threads: Threads, what: str) -> asyncio.Task[str]:
        task = asyncio.create_task(threads.run(self, what=what))
        assert await asyncio.to_thread(self.begun.acquire, timeout=SECONDS)
        return task


async def test_no_more_run_at_a_time_than_there_are_threads(
    threads: Callable[..., Threads], gate: threading.Event
) -> None:
    pool, stuck = threads(2), Stuck(gate)
    jobs = [await stuck.start(pool, "x") for _ in range(2)]
    waiting = asyncio.create_task(pool.run(lambda: gate.is_set()))
    await asyncio.sleep(0)
    assert not waiting.done()
    gate.set()
    assert await waiting
    assert await asyncio.gather(*jobs) == ["done", "done"]


async def test_one_that_is_given_up_keeps_its_thread_until_it_returns(
    threads: Callable[..., Threads], gate: threading.Event
) -> None:
    pool, stuck = threads(1), Stuck(gate)
    job = await stuck.start(pool, "x")
    job.cancel()
    waiting = asyncio.create_task(pool.run(lambda: gate.is_set()))
    await asyncio.wait([job])
    gate.set()
    assert await waiting


async def test_one_that_is_given_up_before_it_has_a_thread(
    threads: Callable[..., Threads], gate: threading.Event
) -> None:
    pool, stuck = threads(1), Stuck(gate)
    job = await stuck.start(pool, "x")
    waiting = asyncio.create_task(pool.run(lambda: 1))
    await asyncio.sleep(0)
    waiting.cancel()
    gate.set()
    assert await job == "done"
    assert await pool.run(lambda: 2) == 2


class TestOverdue:
    @pytest.fixture(autouse=True)
    def soon(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(work, "OVERDUE_SECONDS", 0.0)
        monkeypatch.setattr(work, "LOOK_SECONDS", 0.01)

    async def test_another_takes_its_place(
        self,
        threads: Callable[..., Threads],
        gate: threading.Event,
        caplog: pytest.LogCaptureFixture,
    ) -> None:
        pool, stuck = threads(1, spare=1), Stuck(gate)
        job = await stuck.start(pool, "Method 'stuck'")
        assert await pool.run(lambda: 1) == 1
        assert "Method 'stuck' runs for more than" in caplog.text
        gate.set()
        assert await job == "done"

    async def test_without_others_waiting_nothing_is_said(
        self,
        threads: Callable[..., Threads],
        gate: threading.Event,
        caplog: pytest.LogCaptureFixture,
    ) -> None:
        pool, stuck = threads(2, spare=1), Stuck(gate)
        job = await stuck.start(pool, "x")
        assert await pool.run(lambda: 1) == 1
        gate.set()
        await job
        assert caplog.text == ""

    async def test_there_is_a_bound(
        self,
        threads: Callable[..., Threads],
        gate: threading.Event,
        caplog: pytest.LogCaptureFixture,
    ) -> None:
        pool, stuck = threads(1, spare=2), Stuck(gate)
        jobs = [await stuck.start(pool, f"job {number}") for number in range(3)]
        waiting = asyncio.create_task(pool.run(lambda: gate.is_set()))
        await until(lambda: "All threads are taken" in caplog.text)
        assert "Running: job 0, job 1, job 2" in caplog.text
        gate.set()
        assert await waiting
        assert await asyncio.gather(*jobs) == ["done"] * 3

    async def test_places_come_back(
        self, threads: Callable[..., Threads], gate: threading.Event
    ) -> None:
        pool, stuck = threads(1, spare=1), Stuck(gate)
        jobs = [await stuck.start(pool, "x") for _ in range(2)]
        gate.set()
        await asyncio.gather(*jobs)
        gate.clear()
        jobs = [await stuck.start(pool, "x") for _ in range(2)]
        gate.set()
        assert await asyncio.gather(*jobs) == ["done"] * 2
