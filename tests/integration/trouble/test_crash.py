"""PostgreSQL ends without a farewell while clients are subscribed, subscribe, call and write."""

from __future__ import annotations

import asyncio
import os
import signal

import pytest
from bookshop import writing

from dddp.exceptions import MeteorError

pytestmark = pytest.mark.timeout(60)


def crash(postgres):
    """Immediate shutdown: no backend says goodbye, and the next start has to recover."""
    os.kill(postgres.pid, signal.SIGQUIT)
    postgres.stop()


async def newcomers(ddp, url, stopped):
    """Clients that subscribe one after the other, until told to stop."""
    clients = []
    while not stopped.is_set():
        clients.append(await ddp(url))
        email = f"{len(clients)}@x.org" if len(clients) % 3 else "jane@x.org"
        await clients[-1].subscribe("BooksByAuthorEmail", email)
        await clients[-1].subscribe("AllBooks")
    return clients


async def test_clients_that_are_there_and_clients_that_come(
    postgres, start_server, ddp, shop, logged
):
    server = start_server()
    clients = [await ddp(server.ws_url) for _ in range(2)]
    await clients[0].subscribe("AllBooks")
    await clients[1].subscribe("BooksByAuthorEmail", "jane@x.org")
    stopped = asyncio.Event()
    coming = asyncio.create_task(newcomers(ddp, server.ws_url, stopped))
    async with writing(shop) as written:
        for round in (1, 2):
            before = written()
            await clients[0].wait_for(lambda before=before: written() > before + 50)
            await asyncio.to_thread(crash, postgres)
            waiting = await ddp(server.ws_url)
            subscribing = asyncio.create_task(waiting.subscribe("AllBooks"))
            await asyncio.to_thread(postgres.start)
            await subscribing
            clients.append(waiting)
            await logged(server, "live again", times=round)
    stopped.set()
    clients += await coming
    shop.connect_again()
    await shop.shown_by(*clients)


async def test_a_call_while_there_is_no_database(postgres, start_server, ddp, shop, logged):
    """It fails, has changed nothing, and the client may call again."""
    server = start_server()
    client = await ddp(server.ws_url)
    await client.subscribe("AllBooks")
    await asyncio.to_thread(crash, postgres)
    try:
        with pytest.raises(MeteorError, match="Internal server error"):
            await client.call("bookstore/set_pages", "5", 55)
    finally:
        await asyncio.to_thread(postgres.start)
    # Whether the last word of a backend that dies arrives is up to chance.
    server.expect_traceback("OperationalError|AdminShutdown|CrashShutdown")
    await logged(server, "live again")
    await client.call("bookstore/set_pages", "5", 56)
    assert client.collections["bookstore.book"]["5"]["pages"] == 56
