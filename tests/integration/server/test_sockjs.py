"""SockJS over HTTP where it meets the server's own affairs."""

import asyncio
import signal

import pytest

from dddp.testing.client import DDPClient
from tools.plain_http import SockJSSite

TRANSPORTS = ["xhr-polling", "xhr-streaming", "eventsource"]


@pytest.mark.parametrize("sig", [signal.SIGINT, signal.SIGTERM], ids=lambda sig: sig.name)
async def test_the_server_stops(serve, sig):
    server = serve()
    clients = [DDPClient(server.ws, transport=transport) for transport in TRANSPORTS]
    for client in clients:
        await client.open()
        await client.connect()
    assert await asyncio.to_thread(server.end, sig) == 0
    for client in clients:
        # Who is between two polls finds nobody there.
        assert (await client.wait_closed())[0] in (1012, 1006)
        await client.close()
    assert "Traceback" not in server.output
    assert "rror" not in server.output


async def test_a_server_that_lets_its_clients_go(serve):
    """Who has a response open is told; the others find nobody there."""
    server = serve()
    async with DDPClient(server.ws, transport="xhr-streaming") as client:
        assert await asyncio.to_thread(server.end) == 0
        assert await client.wait_closed() == (1012, "Service restart")


async def test_connections_of_an_address(start):
    server = start("dddp", "127.0.0.1:0", SETTINGS='{"DDP_MAX_CONNECTIONS_PER_ADDRESS": 2}')
    http, ws = server.wait_listening()
    site = SockJSSite(f"{http}sockjs")
    async with (
        DDPClient(ws, transport="xhr-polling") as client,
        DDPClient(ws, transport="eventsource") as other,
    ):
        refused = await site.post(f"{site.session()}/xhr")
        assert (refused.status, refused.body) == (429, "Too Many Requests\n")
        assert await client.call("shop/process") == await other.call("shop/process")
    async with DDPClient(ws, transport="xhr-streaming") as client:
        await client.subscribe("Items")


@pytest.mark.parametrize("transport", TRANSPORTS)
async def test_a_cut_client_goes_on(serve, transport):
    server = serve()
    async with DDPClient(server.ws, transport=transport) as client:
        await client.subscribe("Items")
        assert await client.reconnect()
        assert await client.call("shop/process") == server.process.pid
        assert client.messages[-1]["msg"] in ("updated", "result")
        assert await client.reconnect(resume=False) is False
