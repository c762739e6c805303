"""The notification queue fills up: a foreign session LISTENs and never ends its transaction."""

from __future__ import annotations

from collections.abc import Iterator

import psycopg
import pytest

from dddp.exceptions import MeteorError
from tools.serving import Server

WARNING = "PostgreSQL's notification queue is"
LIVE = "The change feed is live again"
UPDATE = "UPDATE bookstore_book SET pages = pages + 1 WHERE id = 1"


@pytest.fixture
def stuck(small_shop) -> Iterator[psycopg.Connection]:
    connection = psycopg.connect(small_shop.dsn, application_name="night job")
    connection.execute("LISTEN something")
    connection.commit()
    # Long enough ago to be suspected.
    connection.execute("SELECT pg_sleep(1.1)")
    yield connection
    connection.close()


@pytest.fixture
async def served(start_server, ddp, small_shop):
    """A server of that database and a client that shows its books."""
    server = start_server(env=small_shop.env)
    client = await ddp(server.ws_url)
    await client.subscribe("AllBooks")
    return server, client


def fill_to(shop, fill):
    while shop.fill < fill:
        for _ in range(20):
            shop.db.execute(UPDATE)


async def test_the_log_warns_once_for_each_level(served, small_shop, stuck, logged):
    server, client = served
    for round, fill in enumerate([0.3, 0.35, 0.55, 0.8], start=1):
        fill_to(small_shop, fill)
        # A new link is checked at once, one that lasts four times a minute.
        assert small_shop.cut_listeners() == 1
        await logged(server, LIVE, times=round)
    warnings = [line for line in server.log.splitlines() if WARNING in line]
    assert [int(line.split(WARNING)[1].split()[0]) // 5 for line in warnings] == [6, 11, 16]
    for line in warnings:
        assert line.startswith("WARNING dddp.changefeed")
        assert "pg_terminate_backend(pid)" in line
        assert f"Likely: pid {stuck.info.backend_pid} (application 'night job'" in line
        assert "idle in transaction" in line
    stuck.rollback()
    small_shop.cut_listeners()
    await logged(server, "notification queue is down to 0 %")
    await small_shop.shown_by(client)


async def test_a_full_queue_fails_commits_and_frees_itself(served, small_shop, stuck, logged):
    server, client = served
    with pytest.raises(psycopg.OperationalError) as failed:
        fill_to(small_shop, 2)
    assert failed.value.sqlstate == "54000"
    assert "too many notifications in the NOTIFY queue" in str(failed.value)
    with pytest.raises(MeteorError, match="Internal server error"):
        await client.call("bookstore/set_pages", "2", 77)
    server.expect_traceback("too many notifications in the NOTIFY queue")
    small_shop.db.execute("UPDATE auth_group SET name = name")
    await small_shop.shown_by(client)

    assert small_shop.value("SELECT pg_terminate_backend(%s, 10000)", stuck.info.backend_pid)
    # Its end alone frees nothing: what frees it is the server's next look at the queue.
    with pytest.raises(psycopg.errors.ProgramLimitExceeded):
        small_shop.db.execute(UPDATE)
    small_shop.cut_listeners()
    await logged(server, LIVE)
    await client.call("bookstore/set_pages", "2", 78)
    assert client.collections["bookstore.book"]["2"]["pages"] == 78
    await small_shop.shown_by(client)


def test_a_server_that_starts_when_it_is_full_says_why(
    db_project, small_shop, stuck, log_directory
):
    with pytest.raises(psycopg.errors.ProgramLimitExceeded):
        fill_to(small_shop, 2)
    server = Server(log_directory, env=small_shop.env)
    with pytest.raises(AssertionError, match="did not start"), server.running():
        pass
    assert "application 'night job'" in server.log
    assert "too many notifications in the NOTIFY queue" in server.log
    stuck.rollback()
    with server.running():
        pass
