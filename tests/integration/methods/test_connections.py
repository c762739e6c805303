"""Database connections of methods: bounded, mended when broken, closed at the end."""

import asyncio
import threading

import pytest
from asgiref.sync import sync_to_async
from django.db import connection, transaction
from django.test import override_settings

from dddp.api import MeteorError, this
from dddp.session.hub import Hub
from tools.feed import until
from tools.inprocess import InProcess, db

SECONDS = 20


def backend():
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        return cursor.fetchone()[0]


def still_there(pids):
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_stat_activity WHERE pid = ANY(%s)", [list(pids)])
        return cursor.fetchone()[0]


@pytest.fixture
def used(registry):
    """Backends that methods have talked to."""
    used = set()

    @registry.method("use")
    def use():
        used.add(backend())

    @registry.method("use_async")
    async def use_async():
        used.add(await sync_to_async(backend)())

    @registry.method("use_and_fail")
    def use_and_fail():
        used.add(backend())
        raise MeteorError("failed")

    @registry.method("use_without", transaction=False)
    def use_without():
        used.add(backend())
        transaction.set_autocommit(False)

    return used


METHODS = ["use", "use_async", "use_and_fail", "use_without"]


async def call_all(hub, times):
    async with InProcess(hub) as client:
        for number in range(times):
            for name in METHODS:
                await client.send({"msg": "method", "id": f"{name}{number}", "method": name})
        await client.wait_for(lambda: len(client.updated) == times * len(METHODS))


async def test_no_more_than_threads_and_none_at_the_end(db_project, registry, used):
    with override_settings(DDP_WORKER_THREADS=2):
        hub = Hub(registry)
    await hub.start()
    await asyncio.gather(*[call_all(hub, 3) for _ in range(5)])
    assert await db(still_there, used) <= 2
    await hub.stop()
    assert await db(still_there, used) == 0


async def test_of_a_method_that_returns_after_the_server_has_stopped(db_project, registry, used):
    gate, begun = threading.Event(), threading.Event()

    @registry.method("late")
    def late():
        used.add(backend())
        begun.set()
        assert gate.wait(SECONDS)

    hub = Hub(registry)
    await hub.start()
    async with InProcess(hub) as client:
        await client.send({"msg": "method", "id": "1", "method": "late"})
        assert await asyncio.to_thread(begun.wait, SECONDS)
    await hub.stop()
    gate.set()
    closed = False
    async with asyncio.timeout(SECONDS):
        while not closed:
            closed = await db(still_there, used) == 0


async def test_that_were_cut(client, registry, used):
    @registry.method("cut")
    def cut():
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_terminate_backend(pg_backend_pid())")

    for _ in range(10):
        with pytest.raises(MeteorError):
            await client.call("cut")
        await client.call("use")


async def test_a_transaction_is_not_left_to_the_next(hub, client, registry, used):
    @registry.method("in_transaction", transaction=False)
    def in_transaction():
        return connection.in_atomic_block or not connection.get_autocommit()

    await client.call("use_without")
    assert not any([await client.call("in_transaction") for _ in range(10)])


async def test_of_callbacks_when_a_connection_ends(hub, registry, used):
    @registry.method("note")
    def note():
        this.connection.on_close(lambda: used.add(backend()))

    async with InProcess(hub) as client:
        await client.call("note")
    await until(lambda: used)
    await hub.stop()
    assert await db(still_there, used) == 0
