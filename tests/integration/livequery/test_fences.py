"""`updated` of a call comes behind all data that the call has written, whatever happens."""

import asyncio
import threading

import pytest
from django.db import connection, transaction
from django.db.models.functions import Length

from dddp.exceptions import MeteorError
from tools.feed import Held, outage
from tools.inprocess import db
from zoo.models import Keyed


@pytest.fixture(autouse=True)
def results_do_not_wait(monkeypatch):
    monkeypatch.setattr("dddp.session.calling.FENCE_SECONDS", 0.01)


@pytest.fixture
async def subscribed(client, show):
    show("q", Keyed.objects.all())
    await client.subscribe("Shown", "q")
    return client


def before_updated(client, call):
    """The messages that came before the `updated` of a call."""
    return client.messages[: client.messages.index({"msg": "updated", "methods": [call]})]


async def written_before_updated(client, held):
    """Let the change feed go on; the ids of what came before the first call was `updated`."""
    assert not client.updated
    await held.let_through()
    await client.wait_for(lambda: client.updated)
    return {message["id"] for message in before_updated(client, "1") if message["msg"] == "added"}


async def test_an_error_after_the_commit_leaves_the_data(hub, subscribed, method):
    def fail():
        raise ValueError

    @method
    def write():
        Keyed.objects.create(key="1")
        transaction.on_commit(fail)

    held = Held(hub)
    with pytest.raises(MeteorError, match="500"):
        await subscribed.call("write", wait_updated=False)
    assert await written_before_updated(subscribed, held) == {"1"}


async def test_what_on_commit_writes_belongs_to_the_call(hub, subscribed, method):
    @method
    def write():
        Keyed.objects.create(key="1")
        transaction.on_commit(lambda: Keyed.objects.create(key="2"))

    held = Held(hub)
    await subscribed.call("write", wait_updated=False)
    assert await written_before_updated(subscribed, held) == {"1", "2"}


async def test_a_call_that_spans_an_outage_of_the_change_feed(hub, subscribed, method):
    began, may_end = threading.Event(), threading.Event()

    @method
    def write():
        Keyed.objects.create(key="1")
        began.set()
        assert may_end.wait(20)

    call = asyncio.create_task(subscribed.call("write", wait_updated=False))
    await asyncio.to_thread(began.wait, 20)
    async with outage(hub):
        pass
    held = Held(hub)
    may_end.set()
    await call
    assert await written_before_updated(subscribed, held) == {"1"}


async def test_a_call_that_rolls_itself_back(subscribed, method):
    """A dry run has a result, and nothing to wait for."""

    @method
    def dry_run():
        Keyed.objects.create(key="1")
        transaction.set_rollback(True)
        return "tried"

    assert await subscribed.call("dry_run") == "tried"
    assert subscribed.collections["zoo.keyed"] == {}


async def test_own_writes_are_read_while_others_write(client, show):
    """In the same document from a query that Python decides and one that PostgreSQL does."""
    measured = Keyed.objects.filter(value__istartswith="v").annotate(size=Length("value"))
    show("q", Keyed.objects.all(), measured)
    await client.subscribe("Shown", "q")
    stopped = threading.Event()

    def write():
        number = 0
        while not stopped.is_set():
            number += 1
            Keyed.objects.update_or_create(key=f"w{number % 7}", defaults={"value": f"v{number}"})

    writer = asyncio.create_task(db(write))
    try:
        for number in range(1, 101):
            value = "v" * number
            await client.call("wire/put", "mine", value)
            mine = {}
            for message in before_updated(client, str(number)):
                if message.get("id") == "mine" and message["msg"] in ("added", "changed"):
                    mine |= message["fields"]
            assert mine == {"value": value, "size": number}
    finally:
        stopped.set()
        await writer


@pytest.mark.parametrize(
    ("work", "asked"),
    [
        (lambda: None, 0),
        (Keyed.objects.count, 2),
        (lambda: Keyed.objects.create(key="1").key, 2),
    ],
    ids=["nothing", "read", "write"],
)
async def test_a_call_costs_one_statement_more_than_it_makes(subscribed, method, work, asked):
    """Whether it has written is asked, the fence sent and the transaction ended by one."""
    statements = []

    def listed(execute, sql, *rest):
        statements.append(sql)
        return execute(sql, *rest)

    @method
    def watched():
        connection.execute_wrappers.append(listed)
        return work()

    @method
    def count():
        return Keyed.objects.count()

    await subscribed.call("watched")
    assert len(statements) == asked
    assert await subscribed.call("count") == len(subscribed.collections["zoo.keyed"])
