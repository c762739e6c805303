"""SIGINT and SIGTERM: prompt, exit code 0, no traceback, nobody left behind."""

import asyncio
import contextlib
import signal
from urllib.parse import urlsplit

import psutil
import pytest
from running import all_gone

from dddp.testing.client import DDPClient

WAYS = pytest.mark.parametrize("options", [[], ["--workers", "2"], ["--reload"]], ids=" ".join)


@WAYS
@pytest.mark.parametrize("sig", [signal.SIGINT, signal.SIGTERM], ids=lambda sig: sig.name)
async def test_with_clients_connected(serve, options, sig):
    server = serve(*options)
    async with DDPClient(server.ws) as first, DDPClient(server.ws, sockjs=True) as second:
        await first.subscribe("Items")
        children = server.children()
        assert await asyncio.to_thread(server.end, sig) == 0
        for client in (first, second):
            assert (await client.wait_closed())[0] in (1000, 1001, 1012)
    assert all_gone(children)
    assert "Traceback" not in server.output
    assert "rror" not in server.output


@WAYS
async def test_ctrl_c_reaches_all_processes(serve, options):
    server = serve(*options)
    children = server.children()
    async with DDPClient(server.ws):
        code = await asyncio.to_thread(server.end, signal.SIGINT, group=True)
    assert code == 0
    assert all_gone(children)
    assert "Traceback" not in server.output


async def test_ctrl_c_while_workers_start(start):
    server = start("dddp", "127.0.0.1:0", "--workers", "2", "-v")
    server.find("Started server process")
    assert await asyncio.to_thread(server.end, signal.SIGINT, group=True) == 0
    assert "Traceback" not in server.output


async def test_workers_end_with_their_parent(serve):
    server = serve("--workers", "2")
    children = server.children()
    assert len(children) == 2
    psutil.Process(server.process.pid).kill()
    assert await asyncio.to_thread(all_gone, children)


async def test_client_that_does_not_read(serve):
    server = serve()
    async with DDPClient(server.ws) as client:
        client._socket.transport.pause_reading()
        for n in range(20_000):
            await client.send({"msg": "ping", "id": f"{n:0>100}"})
        assert await asyncio.to_thread(server.end) == 0
        client._socket.transport.abort()
    assert "Traceback" not in server.output


@WAYS
async def test_request_that_never_ends(serve, project, options):
    with (project / "settings.py").open("a") as settings:
        settings.write("from dddp.server import worker\n")
        settings.write("worker.GRACE_SECONDS, worker.HARD_STOP_SECONDS = 1, 2\n")
    server = serve(*options)
    children = server.children()
    url = urlsplit(server.http)
    async with connection(url.hostname, url.port) as (reader, writer):
        writer.write(f"GET /stuck HTTP/1.1\r\nHost: {url.netloc}\r\n\r\n".encode())
        await asyncio.to_thread(server.find, "stuck")
        assert await asyncio.to_thread(server.end) == (0 if options else 1)
        assert (await reader.read()).startswith(b"HTTP/1.1 500 ")
    assert all_gone(children)
    server.find("Stopped without waiting any longer")


@contextlib.asynccontextmanager
async def connection(host, port):
    reader, writer = await asyncio.open_connection(host, port)
    try:
        yield reader, writer
    finally:
        writer.close()
        await writer.wait_closed()
