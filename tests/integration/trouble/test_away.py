"""The change feed is away while the database is not: the way of DDP_LISTEN_DSN is blocked."""

from __future__ import annotations

import asyncio
from urllib.parse import urlsplit, urlunsplit

import pytest

from dddp.changefeed.channels import channel_for
from tools.tcp_proxy import TcpProxy

LOST = "The change feed has lost its link"
AWAY = "The change feed cannot reach PostgreSQL yet"
LIVE = "The change feed is live again"


@pytest.fixture
async def way(shop):
    """The way of the listener to PostgreSQL."""
    parts = urlsplit(shop.dsn)
    async with TcpProxy(parts.hostname, parts.port) as way:
        yield way


async def start(start_server, shop, way):
    """Starting waits for the listener, and so for the proxy on this event loop."""
    parts = urlsplit(shop.dsn)
    account = parts.netloc.rpartition("@")[0]
    dsn = urlunsplit(parts._replace(netloc=f"{account}@{way.host}:{way.port}"))
    return await asyncio.to_thread(start_server, settings={"DDP_LISTEN_DSN": dsn})


async def test_methods_have_results_and_subscriptions_wait(start_server, ddp, shop, way, logged):
    server = await start(start_server, shop, way)
    caller, joining, asking = [await ddp(server.ws_url) for _ in range(3)]
    await caller.subscribe("AllBooks")
    way.cut()
    await logged(server, AWAY)

    # Joins a live query, and makes one.
    joins = asyncio.create_task(joining.subscribe("AllBooks"))
    asks = asyncio.create_task(asking.subscribe("BooksByAuthorEmail", "jane@x.org"))
    result = await caller.call("bookstore/set_pages", "7", 777, wait_updated=False)
    assert result == "7"
    assert shop.books()["7"] == ("b7", 777)
    assert not caller.updated
    assert caller.collections["bookstore.book"]["7"]["pages"] == 7
    assert await caller.call("wire/echo", 1) == [1]
    assert not joins.done()
    assert not asks.done()
    assert not joining.ready | asking.ready

    way.restore()
    await logged(server, LIVE)
    await caller.wait_for(lambda: "1" in caller.updated)
    assert caller.collections["bookstore.book"]["7"]["pages"] == 777
    await asyncio.gather(joins, asks)
    for client in (joining, asking):
        assert client.collections["bookstore.book"]["7"]["pages"] == 777
    assert server.log.count(LOST) == 1


async def test_a_lost_message_is_noticed_by_the_next(start_server, ddp, shop, logged):
    """A server that has heard half of a transaction asks the database what it is about."""
    server = start_server()
    clients = [await ddp(server.ws_url) for _ in range(2)]
    await clients[0].subscribe("AllBooks")
    await clients[1].subscribe("BooksByAuthorEmail", "jane@x.org")
    with shop.db.transaction():
        shop.db.execute("SET LOCAL session_replication_role = replica")
        shop.db.execute("UPDATE bookstore_book SET pages = 999 WHERE id = 3")
    for client in clients:
        await client.call("wire/put", "mark", "none has heard of it")
        assert client.collections["bookstore.book"]["3"]["pages"] == 3
    second_of_two = '[1,"bookstore_book","D",null,1]'
    shop.db.execute("SELECT pg_notify(%s, %s)", [channel_for("bookstore_book"), second_of_two])
    await logged(server, LIVE)
    await shop.shown_by(*clients)
    assert "is lost" in server.log
