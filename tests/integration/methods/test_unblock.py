"""Calls that do not wait for each other, and calls that do not return."""

import asyncio
import threading

import pytest
from django.test import override_settings

from dddp.api import MeteorError, this
from dddp.session import work
from dddp.session.hub import Hub
from tools.feed import until
from tools.inprocess import InProcess

SECONDS = 20


@pytest.fixture
def gate():
    """Opened at the end, so that nothing is left running."""
    gate = threading.Event()
    yield gate
    gate.set()


@pytest.fixture
def running():
    """Calls of `unblocking` and `stuck` that are on their way."""
    return []


@pytest.fixture
def offered(registry, gate, running):
    """`unblocking(id)` and `stuck(id)` return when the gate is open; `echo(x)` at once."""

    def wait(id):
        running.append(id)
        try:
            assert gate.wait(SECONDS)
        finally:
            running.remove(id)
        return id

    @registry.method("unblocking")
    def unblocking(id):
        this.unblock()
        return wait(id)

    @registry.method("unblocking_async")
    async def unblocking_async(id):
        this.unblock()
        return await asyncio.to_thread(wait, id)

    registry.method("stuck")(wait)
    registry.method("echo")(lambda value: value)
    return registry


@pytest.fixture
async def small(db_project, offered, gate, monkeypatch):
    """A hub of two threads, where jobs are overdue at once."""
    monkeypatch.setattr(work, "OVERDUE_SECONDS", 0.05)
    monkeypatch.setattr(work, "LOOK_SECONDS", 0.01)
    with override_settings(DDP_WORKER_THREADS=2):
        hub = Hub(offered)
        await hub.start()
        yield hub
    gate.set()
    await hub.stop()


async def call(client, id, name, *params):
    await client.send({"msg": "method", "id": id, "method": name, "params": list(params)})


async def test_what_waits_for_others_is_not_begun_by_a_server_that_stops(
    small, offered, gate, running
):
    begun = []
    offered.method("begin")(begun.append)
    async with InProcess(small) as client:
        await call(client, "1", "unblocking", 1)
        await call(client, "2", "begin", 2)
        await until(lambda: running == [1] and not client.server._inbox)
        leaving = asyncio.create_task(small.drain())
        await until(lambda: client.server._is_finishing)
        gate.set()
        await leaving
        assert set(client.results) == {"1"}
    assert begun == []


@pytest.mark.usefixtures("offered")
class TestUnblock:
    @pytest.mark.parametrize("name", ["unblocking", "unblocking_async"])
    async def test_the_next_message_is_handled_meanwhile(self, client, gate, name):
        await call(client, "1", name, 1)
        await call(client, "2", "echo", 2)
        await client.wait_for(lambda: "2" in client.results)
        assert "1" not in client.results
        gate.set()
        await client.wait_for(lambda: "1" in client.updated)
        assert client.results["1"]["result"] == 1

    async def test_so_many_at_a_time(self, client, gate, running):
        for number in range(6):
            await call(client, str(number), "unblocking", number)
        await until(lambda: len(running) == 4)
        await client.send({"msg": "ping", "id": "p"})
        await client.wait_for(lambda: {"msg": "pong", "id": "p"} in client.messages)
        assert running == [0, 1, 2, 3]
        gate.set()
        await client.wait_for(lambda: len(client.updated) == 6)

    async def test_logging_in_is_too_late_then(self, registry, client, caplog):
        @registry.method("late")
        def late():
            this.unblock()
            this.set_user_id("1")

        with pytest.raises(MeteorError) as caught:
            await client.call("late")
        assert caught.value.error == 500
        assert "Can't call set_user_id in a method after calling unblock" in caplog.text

    async def test_the_client_goes(self, hub, gate, running, registry):
        async with InProcess(hub) as client:
            await call(client, "1", "unblocking", 1)
            await until(lambda: running)
        gate.set()
        await until(lambda: not running)


class TestCallsThatDoNotReturn:
    async def test_other_sessions_go_on(self, small, gate, running, caplog):
        async with InProcess(small) as first, InProcess(small) as second, InProcess(small) as third:
            for number, client in enumerate((first, second)):
                await call(client, "1", "stuck", number)
            await until(lambda: len(running) == 2)
            assert await third.call("echo", 5) == 5
            assert "Method 'stuck' of an anonymous user at an unknown address" in caplog.text
            gate.set()
            for client in (first, second):
                await client.wait_for(lambda client=client: "1" in client.updated)

    async def test_more_than_there_can_be(self, small, gate, running, caplog):
        clients = [InProcess(small) for _ in range(9)]
        for number, client in enumerate(clients):
            await client.__aenter__()
            await call(client, "1", "stuck", number)
        await until(lambda: "All threads are taken" in caplog.text)
        await until(lambda: len(running) == 8)
        await clients[-1].send({"msg": "ping", "id": "p"})
        await clients[-1].wait_for(lambda: {"msg": "pong", "id": "p"} in clients[-1].messages)
        gate.set()
        for client in clients:
            await client.wait_for(lambda client=client: "1" in client.updated)
            await client.close()
