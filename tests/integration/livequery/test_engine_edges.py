"""Trouble with one row, one query or one subscription stays where it is."""

import asyncio
import datetime as dt
import threading

import pytest
from django.db import connection, transaction
from django.db.models import F, Func, TextField, Value

from bookstore.models import Book
from dddp.changefeed import link
from dddp.livequery.asking import ask
from dddp.livequery.loading import load
from tools.inprocess import InProcess, db, quiet, sql
from tools.plans import plan_of
from zoo.models import Keyed, Specimen


def texts(client):
    return {fields["text"] for fields in client.collections["zoo.specimen"].values()}


def nested(depth):
    return '{"$a":' * depth + "1" + "}" * depth


@pytest.mark.parametrize(
    ("column", "value"),
    [
        pytest.param("span", "1000000000 days", id="longer-than-a-timedelta"),
        pytest.param("tree", nested(400), id="json-400-deep"),
        pytest.param("tree", nested(900), id="json-900-deep"),
        pytest.param("tree", nested(3000), id="json-3000-deep"),
    ],
)
async def test_a_row_that_cannot_be_published_costs_itself_only(hub, client, show, column, value):
    queryset = Specimen.objects.only("text", column)
    show("q", queryset)
    show("another", queryset.filter(text__isnull=False))
    await client.subscribe("Shown", "q")
    connected = hub.listener._link
    await sql(
        f"INSERT INTO zoo_specimen (text, {column}, paper) "
        f"VALUES ('before', NULL, ''), ('odd', %s, '')",
        value,
    )
    await quiet(hub)
    assert "before" in texts(client)
    await sql("INSERT INTO zoo_specimen (text, paper) VALUES ('after', '')")
    await quiet(hub)
    async with InProcess(hub) as other:
        await other.subscribe("Shown", "another")
        assert texts(other) >= {"before", "after"}
    assert texts(client) >= {"before", "after"}
    await sql("DELETE FROM zoo_specimen WHERE text = 'odd'")
    await quiet(hub)
    assert texts(client) == {"before", "after"}
    assert hub.listener._link is connected


async def test_columns_may_be_added_in_the_middle_of_a_transaction(hub, client, show):
    show("q", Keyed.objects.all())
    await db(lambda: Keyed.objects.create(key="1", value="a"))
    await client.subscribe("Shown", "q")

    def write():
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("UPDATE zoo_keyed SET value = 'b'")
            cursor.execute("ALTER TABLE zoo_keyed ADD COLUMN extra int DEFAULT 1")
            cursor.execute("UPDATE zoo_keyed SET value = 'c'")

    try:
        await db(write)
        await quiet(hub)
        assert client.collections["zoo.keyed"] == {"1": {"value": "c"}}
    finally:
        await sql("ALTER TABLE zoo_keyed DROP COLUMN extra")


@pytest.fixture
async def slowly(hub):
    """Name of a function that takes so many seconds; pg_sleep() itself cannot be live."""
    await sql(
        "CREATE FUNCTION slowly(seconds double precision) RETURNS text LANGUAGE plpgsql STABLE "
        "AS $$ BEGIN PERFORM pg_sleep(seconds); RETURN ''; END $$"
    )
    yield "slowly"
    await sql("DROP FUNCTION slowly")


async def test_a_query_becomes_ready_however_much_is_written(hub, client, show, slowly):
    """Its table changes again during each run."""
    slow = Func(Value(0.05), function=slowly, output_field=TextField())
    await db(lambda: Keyed.objects.create(key="1"))
    show("q", Keyed.objects.annotate(slow=slow))
    stopped = threading.Event()

    def write():
        number = 0
        while not stopped.wait(0.01):
            number += 1
            Keyed.objects.update(value=str(number))

    writer = asyncio.create_task(db(write))
    try:
        await client.subscribe("Shown", "q")
    finally:
        stopped.set()
        await writer


async def test_a_query_that_fails_again_and_again_does_not_hold_up_methods(
    hub, client, show, monkeypatch
):
    show("q", Specimen.objects.annotate(x=100 / F("number")))
    await client.subscribe("Shown", "q")
    await sql("INSERT INTO zoo_specimen (number, paper) VALUES (0, '')")
    await client.call("wire/put", "a", "b")


async def test_a_query_that_is_too_slow_each_time_does_not_hold_up_methods(
    hub, client, show, slowly, monkeypatch
):
    slow = Func(F("number"), function=slowly, output_field=TextField())
    show("q", Specimen.objects.annotate(slow=slow))
    await client.subscribe("Shown", "q")

    def limited(function, argument):
        with connection.cursor() as cursor:
            cursor.execute("SET statement_timeout = 100")
        return function(argument)

    monkeypatch.setattr(
        hub.engine, "_run", lambda plan: hub._query_threads.run(limited, load, plan)
    )
    monkeypatch.setattr(
        hub.engine._asker, "_ask", lambda it: hub._query_threads.run(limited, ask, it)
    )
    await sql("INSERT INTO zoo_specimen (number, paper) VALUES (60, '')")
    await client.call("wire/put", "a", "b")


async def test_a_subscription_given_up_at_the_last_moment_leaves_nothing(hub, monkeypatch):
    """It is cancelled together with PostgreSQL's answer to LISTEN."""
    task = asyncio.create_task(hub.engine.acquire(plan_of(Keyed.objects.all())))
    await asyncio.sleep(0)
    (query,) = hub.engine.queries
    answer = link._answer

    def answer_and_cancel(future, result):
        answer(future, result)
        task.cancel()

    monkeypatch.setattr(link, "_answer", answer_and_cancel)
    with pytest.raises(asyncio.CancelledError):
        await task
    await asyncio.wait([query.loaded])
    assert hub.engine.queries == []
    assert hub.engine._tables._tables == {}


async def test_a_value_that_python_has_not_does_not_keep_queries_from_being_asked_together(
    hub, client, show, caplog
):
    for day in (1, 2):
        books = Book.objects.filter(published=dt.date(2026, 1, day), author__name__icontains="a")
        show(f"day {day}", books)
        await client.subscribe("Shown", f"day {day}")
    await sql("INSERT INTO bookstore_author (id, name, email) VALUES (1, 'X', '')")
    await sql(
        "INSERT INTO bookstore_book (id, title, author_id, pages, price, published) "
        "VALUES (1, '', 1, 1, 0, 'infinity'), (2, '', 1, 1, 0, '2026-01-02')"
    )
    await sql("UPDATE bookstore_author SET name = 'A'")
    await quiet(hub)
    assert list(client.collections["bookstore.book"]) == ["2"]
    assert caplog.text == ""
