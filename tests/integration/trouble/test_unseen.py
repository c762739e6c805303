"""Writes that triggers do not see, or that PostgreSQL does not let them tell of."""

from __future__ import annotations

import psycopg
import pytest


@pytest.fixture
async def client(shop, start_server, ddp):
    client = await ddp(start_server().ws_url)
    await client.subscribe("AllBooks")
    return client


def as_replica(shop, statement):
    """As restores and other replication tools write."""
    with shop.db.transaction():
        shop.db.execute("SET LOCAL session_replication_role = replica")
        shop.db.execute(statement)


async def pages(client, key):
    """What the client shows once the server has heard all that was written so far."""
    await client.call("wire/put", "mark", str(len(client.messages)))
    return client.collections["bookstore.book"][key]["pages"]


async def test_disabled_triggers_and_the_next_run_of_the_query(client, shop):
    shop.db.execute("ALTER TABLE bookstore_book DISABLE TRIGGER USER")
    try:
        shop.db.execute("UPDATE bookstore_book SET pages = 900 WHERE id = 3")
    finally:
        shop.db.execute("ALTER TABLE bookstore_book ENABLE TRIGGER USER")
    assert await pages(client, "3") == 3
    # What operating.md recommends after such writes: the server asks for everything again.
    assert shop.cut_listeners() >= 1  # servers of other tests may listen here too
    await shop.shown_by(client)


async def test_writes_as_a_replica_and_triggers_that_always_fire(client, shop):
    names = shop.db.execute(
        "SELECT tgname FROM pg_trigger WHERE tgrelid = 'bookstore_book'::regclass "
        "AND starts_with(tgname, 'dddp1_')"
    ).fetchall()
    as_replica(shop, "UPDATE bookstore_book SET pages = 900 WHERE id = 3")
    assert await pages(client, "3") == 3
    try:
        for (name,) in names:
            shop.db.execute(f"ALTER TABLE bookstore_book ENABLE ALWAYS TRIGGER {name}")
        as_replica(shop, "UPDATE bookstore_book SET pages = 901 WHERE id = 3")
        assert await pages(client, "3") == 901
    finally:
        for (name,) in names:
            shop.db.execute(f"ALTER TABLE bookstore_book ENABLE TRIGGER {name}")


async def test_a_prepared_transaction_is_refused(client, shop):
    shop.db.execute("BEGIN; UPDATE bookstore_book SET pages = 900 WHERE id = 3")
    with pytest.raises(psycopg.errors.FeatureNotSupported, match="NOTIFY"):
        shop.db.execute("PREPARE TRANSACTION 'later'")
    shop.db.execute("ROLLBACK")
    assert await pages(client, "3") == 3
