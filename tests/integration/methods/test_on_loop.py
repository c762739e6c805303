"""Methods that run on the server's event loop: they take no thread."""

import asyncio
import threading
from contextlib import suppress

import pytest
from asgiref.sync import sync_to_async
from django.contrib.auth.models import User
from django.db import DatabaseError, connection, connections

from bookstore.models import Author, Book
from dddp.api import MeteorError, Publication, this
from dddp.conf import conf
from dddp.exceptions import ConfigurationError
from tools.feed import until
from tools.inprocess import InProcess, db

SECONDS = 20


class BooksOfJane(Publication):
    queries = Book.objects.filter(author__email="jane@example.com")


@pytest.fixture
def offer(registry):
    """Decorator: clients can call this coroutine."""
    return registry.method("x", transaction=False, on_loop=True)


async def refusal(client, *params):
    with pytest.raises(MeteorError) as caught:
        await client.call("x", *params)
    return caught.value


async def test_on_the_loop_itself(client, offer):
    here = asyncio.get_running_loop()

    @offer
    async def method():
        return asyncio.get_running_loop() is here

    assert await client.call("x") is True


async def test_while_all_threads_are_taken(hub, client, offer):
    @offer
    async def echo(value: int):
        return value

    gate = threading.Event()
    waiting = [
        asyncio.create_task(hub.user_threads.run(gate.wait, SECONDS))
        for _ in range(conf.worker_threads)
    ]
    try:
        assert await client.call("x", 5) == 5
        assert not any(each.done() for each in waiting)
    finally:
        gate.set()
        await asyncio.gather(*waiting)


async def test_this(hub, client, offer):
    @offer
    async def method():
        user = await this.auser()
        return [this.user_id, user.is_authenticated, this.connection is client.server.connection]

    assert await client.call("x") == [None, False, True]


async def test_the_user_after_a_connection_was_cut(client, registry, offer):
    user = await db(lambda: User.objects.create(username="jane"))

    @registry.method("log_in")
    def log_in():
        this.set_user_id(str(user.pk))

    @offer
    async def method():
        return (await this.auser()).get_username()

    await client.call("log_in")
    try:
        await sync_to_async(cut)()
        assert await client.call("x") == "jane"
    finally:
        await sync_to_async(connections.close_all)()


def cut():
    with suppress(DatabaseError), connection.cursor() as cursor:
        cursor.execute("SELECT pg_terminate_backend(pg_backend_pid())")


def test_wrappers_of_an_application_stay_as_long_as_it_says(db_project):
    """Also of one that has not connected before."""
    fresh = connections["default"].copy()
    seen = []

    def wrapper(execute, *args):
        seen.append(args)
        return execute(*args)

    def ask():
        with fresh.cursor() as cursor:
            cursor.execute("SELECT 1")

    try:
        with fresh.execute_wrapper(wrapper):
            ask()
        ask()
    finally:
        fresh.close()
    assert len(seen) == 1


async def test_what_it_writes_comes_first(registry, client, kinds, offer):
    registry.register(BooksOfJane)
    author = await db(lambda: Author.objects.create(name="Jane", email="j@example.com"))
    await client.subscribe("BooksOfJane")

    @registry.method("write")
    def write(title: str):
        author.email = "jane@example.com"
        author.save()
        Book.objects.create(title=title, author=author, pages=1)

    @offer
    async def method(title: str):
        await registry.acall("write", title)
        return title

    kinds()
    assert await client.call("x", "Emma") == "Emma"
    assert kinds() == ["added", "updated", "result"]


async def test_errors(client, offer, caplog):
    @offer
    async def method(value: int):
        if value:
            raise MeteorError("no", "Not that.", value)
        return 1 / value

    assert (await refusal(client, 3)).as_wire() == MeteorError("no", "Not that.", 3).as_wire()
    assert (await refusal(client, "three")).details["path"] == "params[0]"
    assert (await refusal(client)).error == 400
    assert (await refusal(client, 0)).error == 500
    assert "ZeroDivisionError" in caplog.text


@pytest.mark.parametrize("error", [SystemExit, asyncio.CancelledError])
async def test_what_ends_tasks_ends_no_server(client, offer, error):
    @offer
    async def method():
        raise error

    assert (await refusal(client)).error == 500


async def test_a_result_that_cannot_be_sent(client, offer):
    @offer
    async def method():
        return object()

    assert (await refusal(client)).error == 500


async def test_no_login(client, offer, caplog):
    @offer
    async def method():
        this.set_user_id("1")

    assert (await refusal(client)).error == 500
    assert "Can't call set_user_id in a method on the event loop" in caplog.text


async def test_one_after_the_other_unless_unblocked(client, registry, offer):
    gate = asyncio.Event()
    begun = []

    @offer
    async def method(unblocks: bool):
        begun.append(unblocks)
        if unblocks:
            this.unblock()
        await gate.wait()

    for id, unblocks in [("1", True), ("2", False), ("3", False)]:
        await client.send({"msg": "method", "id": id, "method": "x", "params": [unblocks]})
    await until(lambda: len(begun) == 2)
    await client.send({"msg": "ping", "id": "p"})
    await client.wait_for(lambda: {"msg": "pong", "id": "p"} in client.messages)
    assert begun == [True, False]
    gate.set()
    await client.wait_for(lambda: len(client.updated) == 3)


async def test_ends_with_its_client(hub, offer):
    ended = asyncio.Event()

    @offer
    async def method():
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()

    async with InProcess(hub) as client:
        await client.send({"msg": "method", "id": "1", "method": "x", "params": []})
        await client.send({"msg": "ping"})
        await client.wait_for(lambda: {"msg": "pong"} in client.messages)
    await asyncio.wait_for(ended.wait(), SECONDS)


async def test_called_by_the_server(registry, offer, db_project):
    @offer
    async def method(value: int):
        return value + 1

    assert await db(registry.call, "x", 1) == 2
    assert await registry.acall("x", 1) == 2


def test_for_coroutines_without_a_transaction_only(registry):
    async def coroutine():
        """Nothing to do."""

    for function, options in [(coroutine, {}), (lambda: None, {"transaction": False})]:
        with pytest.raises(ConfigurationError, match="on_loop"):
            registry.method("y", on_loop=True, **options)(function)
