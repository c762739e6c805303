"""Calls of methods and their errors, in a hub of this process."""

import threading

import pytest
from django.db import transaction

from bookstore.models import Author
from dddp.api.endpoints import APIMixin, api_endpoint
from dddp.api.registry import Registry
from dddp.api.this import this
from dddp.exceptions import MeteorError
from dddp.session.hub import Hub
from tools.inprocess import InProcess, db

released = threading.Event()


class Unprintable:
    def __str__(self):
        raise ZeroDivisionError


class Methods(APIMixin):
    api_path_prefix = ""

    @api_endpoint
    def refuse(self):
        raise MeteorError("no", "Because.", {"a": 1})

    @api_endpoint
    def refuse_unspeakably(self):
        details = []
        details.append(details)
        raise MeteorError("no", "Because.", [details, Unprintable()])

    @api_endpoint
    def fail(self):
        Author.objects.create(name="x", email="x@example.com")
        raise ZeroDivisionError("a secret")

    @api_endpoint
    def unspeakable_result(self):
        Author.objects.create(name="x", email="x@example.com")
        return object()

    @api_endpoint
    async def slowly(self):
        return "later"

    @api_endpoint
    async def who_async(self):
        return (await this.auser()).is_authenticated

    @api_endpoint
    def who(self):
        return [this.user_id, this.user.is_authenticated, this.is_simulation]

    @api_endpoint
    def never(self):
        released.wait(60)

    @api_endpoint
    def nested(self):
        with transaction.atomic():
            Author.objects.create(name="x", email="x@example.com")
        transaction.on_commit(lambda: Author.objects.filter(name="x").update(name="y"))


@pytest.fixture
async def hub(db_project):
    registry = Registry()
    registry.register(Methods)
    hub = Hub(registry)
    await hub.start()
    yield hub
    released.set()
    await hub.stop()


@pytest.fixture
async def client(hub):
    async with InProcess(hub) as client:
        yield client


async def error_of(client, method, *params):
    with pytest.raises(MeteorError) as caught:
        await client.call(method, *params)
    return caught.value


async def test_an_error_for_the_client_arrives_whole(client):
    error = await error_of(client, "refuse")
    assert (error.error, error.reason, error.details) == ("no", "Because.", {"a": 1})


async def test_details_that_cannot_be_sent_are_left_out(client, caplog):
    error = await error_of(client, "refuse_unspeakably")
    assert (error.error, error.reason, error.details) == ("no", "Because.", None)
    assert "details" in caplog.text


async def test_other_errors_stay_in_the_log_and_undo_what_was_written(client, caplog):
    error = await error_of(client, "fail")
    assert (error.error, error.reason) == (500, "Internal server error")
    assert "a secret" not in str(client.messages)
    assert "a secret" in caplog.text
    assert await db(Author.objects.count) == 0


async def test_a_result_that_cannot_be_sent_undoes_the_call(client, caplog):
    assert (await error_of(client, "unspeakable_result")).error == 500
    assert await db(Author.objects.count) == 0


@pytest.mark.parametrize("params", [[1], [1, 2]])
async def test_parameters_that_do_not_fit(client, params):
    error = await error_of(client, "refuse", *params)
    assert (error.error, error.reason) == (400, "Match failed")


async def test_an_unknown_method(client):
    error = await error_of(client, "nope")
    assert (error.error, error.reason) == (404, "Method 'nope' not found")


async def test_coroutines_are_methods_too(client):
    assert await client.call("slowly") == "later"


async def test_this_in_a_method(client):
    assert await client.call("who") == [None, False, False]
    assert await client.call("who_async") is False
    with pytest.raises(RuntimeError, match="methods and publications"):
        _ = this.user_id


async def test_a_method_that_does_not_return_stops_neither_pings_nor_others(hub, client):
    await client.send({"msg": "method", "id": "1", "method": "never", "params": []})
    await client.send({"msg": "ping", "id": "p"})
    await client.wait_for(lambda: {"msg": "pong", "id": "p"} in client.messages)
    async with InProcess(hub) as other:
        assert await other.call("slowly") == "later"
    released.set()


async def test_what_a_call_holds_is_let_go(hub, client, caplog):
    for method in ("refuse", "fail", "unspeakable_result", "slowly", "nested"):
        await client.send({"msg": "method", "id": method, "method": method, "params": []})
        await client.wait_for(lambda method=method: method in client.updated)
    assert hub.fences.outstanding() == []
