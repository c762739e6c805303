"""A client that stops reading costs its own connection, also in the kernel."""

import asyncio
import json
import socket

import psutil
import pytest

from dddp.testing.client import DDPClient


def small_socket(url):
    """A connected socket with little room for what is not read."""
    host, port = url.removeprefix("ws://").split("/")[0].split(":")
    sock = socket.socket()
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    sock.connect((host, int(port)))
    return sock


async def ping_for_ever(client):
    while True:
        await client.send({"msg": "ping", "id": "x" * 10_000})
        await asyncio.sleep(0)


@pytest.mark.skipif(not hasattr(socket, "TCP_USER_TIMEOUT"), reason="an option of Linux")
async def test_cut_off_while_others_go_on(serve, project):
    with (project / "settings.py").open("a") as settings:
        settings.write("from dddp.server import sockets\nsockets.STALLED_MS = 1000\n")
    server = serve(SETTINGS=json.dumps({"DDP_OUTBOX_BYTES": 2_000_000}))
    async with (
        DDPClient(server.ws) as other,
        DDPClient(server.ws, sock=small_socket(server.ws)) as slow,
    ):
        slow._socket.transport.pause_reading()
        with pytest.raises(ConnectionError):
            await ping_for_ever(slow)
        assert await other.call("shop/process") == server.process.pid
        connected = [
            each.raddr
            for each in psutil.Process(server.process.pid).net_connections("tcp")
            if each.laddr.port == int(server.ws.split(":")[2].split("/")[0]) and each.raddr
        ]
        assert connected == [other._socket.local_address]
    assert "Traceback" not in server.output
