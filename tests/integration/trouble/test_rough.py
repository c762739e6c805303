"""Networks that are slow, cut messages to pieces, swallow them, or end: clients catch up."""

from __future__ import annotations

import asyncio
import random
from urllib.parse import urlsplit

import pytest

from dddp.testing.client import DDPClient
from tools.tcp_proxy import RoughProxy
from zoo.models import Keyed

KEYS = [f"k{number}" for number in range(10)]
TRANSPORTS = {
    "websocket": {},
    "sockjs": {"sockjs": True},
    "xhr-streaming": {"transport": "xhr-streaming"},
    "xhr-polling": {"transport": "xhr-polling"},
}


def documents() -> dict[str, dict[str, str]]:
    return {each.key: {"value": each.value} for each in Keyed.objects.all()}


def write(rng: random.Random) -> None:
    key = rng.choice(KEYS)
    if rng.random() < 0.3:
        Keyed.objects.filter(pk=key).delete()
    else:
        Keyed.objects.update_or_create(key=key, defaults={"value": "x" * rng.randint(0, 3000)})


def proxy_of(server, rng, **options):
    parts = urlsplit(server.ws_url)
    return RoughProxy(str(parts.hostname), int(parts.port or 0), rng, **options)


async def converged(client):
    await client.wait_for(lambda: client.collections.get("zoo.keyed", {}) == documents())


@pytest.mark.parametrize("transport", TRANSPORTS)
@pytest.mark.parametrize(
    "options", [{"most": 3}, {"most": 500, "delay": 0.05}], ids=["in pieces", "late"]
)
async def test_slow_networks(server, transport, options):
    rng = random.Random(1)
    async with proxy_of(server, rng, **options) as proxy:
        url = f"ws://127.0.0.1:{proxy.port}/websocket"
        async with DDPClient(url, **TRANSPORTS[transport]) as client:
            await client.subscribe("AllKeyed")
            for number in range(20):
                write(rng)
                assert await client.call("wire/echo", number) == [number]
            await converged(client)
            assert client.violations == []


@pytest.mark.parametrize("swallows", [False, True], ids=["cut", "half-open"])
async def test_networks_that_end(server, swallows):
    rng = random.Random(2)
    async with proxy_of(server, rng, most=50, delay=0.02) as proxy:
        proxy.half_open = swallows
        client = DDPClient(f"ws://127.0.0.1:{proxy.port}/websocket")
        async with client:
            await client.subscribe("AllKeyed")
            for _ in range(8):
                for _ in range(5):
                    write(rng)
                    await asyncio.sleep(0)
                if swallows:
                    proxy.pause()
                    write(rng)
                proxy.drop()
                proxy.restore()
                await client.reconnect()
                await converged(client)
            assert client.violations == []
