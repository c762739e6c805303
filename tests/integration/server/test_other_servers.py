"""`dddp.asgi:application` under servers that are not ours."""

import signal

import pytest
from running import get

from dddp.testing.client import DDPClient
from dddp.testing.postgres import free_port

SERVERS = {
    "uvicorn": (["dddp.asgi:application", "--port"], "Uvicorn running on"),
    "hypercorn": (["dddp.asgi:application", "--bind", "127.0.0.1:{}"], "Running on http"),
    "daphne": (["dddp.asgi:application", "-p"], "Listening on TCP address"),
}


@pytest.fixture(params=SERVERS)
def other(request, start):
    """(process, host and port) of another server."""
    arguments, listening = SERVERS[request.param]
    port = str(free_port())
    if "{}" in arguments[-1]:
        arguments = [*arguments[:-1], arguments[-1].format(port)]
    else:
        arguments = [*arguments, port]
    server = start(
        request.param, *arguments, PYTHONPATH=".", SETTINGS='{"DDP_MAX_MESSAGE_BYTES": 2000}'
    )
    server.find(listening)
    return server, f"127.0.0.1:{port}"


async def test_ddp_and_django(other):
    server, address = other
    assert get(f"http://{address}/") == "hello"
    assert get(f"http://{address}/sockjs") == "Welcome to SockJS!\n"
    for sockjs in (False, True):
        async with DDPClient(f"ws://{address}/websocket", sockjs=sockjs) as client:
            await client.subscribe("Items")
            assert list(client.collections["shop.item"].values()) == [{"name": "pen"}]
    server.end(signal.SIGTERM)
    assert "Traceback" not in server.output


async def test_too_big_a_message(other):
    server, address = other
    name = server.process.args[0]
    async with DDPClient(f"ws://{address}/websocket") as client:
        await client.send_text("x" * 2001)
        assert (await client.wait_closed())[0] == (4009 if "daphne" in name else 1009)


async def test_two_connections_live(other):
    _, address = other
    url = f"ws://{address}/websocket"
    async with DDPClient(url) as first, DDPClient(url) as second:
        assert await first.call("shop/process") == await second.call("shop/process")
