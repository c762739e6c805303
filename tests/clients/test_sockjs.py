"""sockjs-client in node, with each transport that works there forced in turn.

The others are for browsers: tests/browser/test_sockjs.py.
"""

from __future__ import annotations

import asyncio

import pytest

from clients.third_party import ThirdPartyClient
from zoo.models import Keyed

TRANSPORTS = {
    "websocket": "sockjs-websocket",
    "xhr-streaming": "xhr-streaming",
    "xhr-polling": "xhr-polling",
    "eventsource": "eventsource",
}
TEXTS = ["5 % %41", "\u2028\u200d\uffff\x00", "é🎈", "</script>", "0123456789é" * 15_000]


@pytest.fixture(params=TRANSPORTS)
def transport(request, node_packages):
    return request.param


async def test_a_life(server, ddp, transport):
    async with ThirdPartyClient("ddp.js-sockjs", transport) as client:
        await client.connect(server.ws_url)
        assert (await client.call("wire/connection"))["transport"] == TRANSPORTS[transport]
        await client.subscribe("AllKeyed")
        Keyed.objects.create(key="a", value="1")
        await client.shows({"zoo.keyed": {"a": {"value": "1"}}})
        assert await client.call("wire/echo", *TEXTS) == TEXTS
        Keyed.objects.bulk_create(Keyed(key=f"{n:04}", value=f"é {n}") for n in range(1000))
        Keyed.objects.filter(key="a").delete()
        await client.shows({"zoo.keyed": {f"{n:04}": {"value": f"é {n}"} for n in range(1000)}})


async def test_the_server_closes(server, transport):
    async with ThirdPartyClient("ddp.js-sockjs", transport) as client:
        await client.connect(server.ws_url)
        # Which is not answered any more.
        closing = asyncio.create_task(client.call("wire/close"))
        await client.reconnects()
        closing.cancel()


async def test_the_client_goes(server, ddp, transport):
    other = await ddp()
    await other.subscribe("AllKeyed")
    async with ThirdPartyClient("ddp.js-sockjs", transport) as client:
        await client.connect(server.ws_url)
        await client.call("wire/put_while_connected", "here")
        await other.wait_for(lambda: other.collections["zoo.keyed"])
    await other.wait_for(lambda: not other.collections["zoo.keyed"])
