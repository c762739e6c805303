"""Limits of a server, and what whoever is beyond them is told."""

import asyncio
import json
from urllib.parse import urlsplit

import pytest
from websockets.exceptions import InvalidStatus

from dddp.testing.client import DDPClient

SETTINGS = json.dumps({"DDP_MAX_CONNECTIONS_PER_ADDRESS": 2, "DDP_MESSAGE_RATE": [20, 3600]})


@pytest.fixture
def server(serve, project):
    with (project / "settings.py").open("a") as settings:
        settings.write("from dddp.server import worker\n")
        settings.write("worker.REQUEST_SECONDS, worker.SWEEP_TICKS = 0.2, 1\n")
    return serve(SETTINGS=SETTINGS)


async def refusal(url, **options):
    with pytest.raises(InvalidStatus) as refused:
        await DDPClient(url, **options).open()
    return refused.value.response.status_code


async def test_limits(server):
    await silent_connections(server)
    await connections_of_an_address(server)
    await messages_of_a_connection(server)
    assert "Traceback" not in server.output


async def silent_connections(server):
    """Cut off: those that send nothing, a part of a request, or nothing behind an answer."""
    url = urlsplit(server.http)
    request = f"GET / HTTP/1.1\r\nHost: {url.netloc}\r\n"
    for sent, answer in (("", b""), (request, b""), (f"{request}\r\n", b"HTTP/1.1 200 OK")):
        reader, writer = await asyncio.open_connection(url.hostname, url.port)
        writer.write(sent.encode())
        try:
            assert (await reader.read()).startswith(answer)
        except ConnectionResetError:
            assert answer == b""
        writer.close()


async def connections_of_an_address(server):
    async with DDPClient(server.ws) as first:
        second = DDPClient(server.ws, sockjs=True)
        await second.open()
        for sockjs in (False, True):
            assert await refusal(server.ws, sockjs=sockjs) == 429
        # Whom the proxy on this machine speaks for, is another one.
        elsewhere = {"additional_headers": {"x-forwarded-for": "192.0.2.1"}}
        async with DDPClient(server.ws, **elsewhere) as other:
            assert await other.call("shop/process") == await first.call("shop/process")
        await second.close()
        async with asyncio.timeout(20):
            while True:
                try:
                    async with DDPClient(server.ws) as second:
                        break
                except InvalidStatus:
                    continue
    assert server.output.count("may have no more") >= 1


async def messages_of_a_connection(server):
    async with DDPClient(server.ws) as client, DDPClient(server.ws) as other:
        for _ in range(20):
            await client.send({"msg": "ping"})
        assert await client.wait_closed() == (1008, "Too many messages")
        assert client.messages.count({"msg": "pong"}) == 19
        assert await other.call("shop/process")
