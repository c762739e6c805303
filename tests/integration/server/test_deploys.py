"""SIGTERM and SIGHUP: what clients and balancers see while servers go and come."""

import asyncio
import contextlib
import json
import os
import signal
import urllib.error
from urllib.parse import urlsplit

import psutil
import pytest
from running import all_gone, get, get_async
from websockets.exceptions import WebSocketException

from dddp.testing.client import DDPClient
from tools.feed import until

RESTART = (1012, "Service restart")


def settings(**options):
    return json.dumps({f"DDP_{name}": value for name, value in options.items()})


async def refused(url):
    """Wait until nobody listens there."""
    parts = urlsplit(url)
    while True:
        try:
            _, writer = await asyncio.open_connection(parts.hostname, parts.port)
        except ConnectionRefusedError:
            return
        except ConnectionResetError:  # it was closed at this moment
            continue
        writer.close()
        with contextlib.suppress(OSError):
            await writer.wait_closed()


async def for_ever(function, *args):
    """Until it raises."""
    while True:
        await function(*args)


async def start_lingering(client, server, folder):
    """Call a method that returns once `folder / "go"` exists."""
    call = asyncio.create_task(client.call("shop/linger", str(folder)))
    await asyncio.to_thread(server.find, "lingering")
    return call


@pytest.mark.parametrize("options", [[], ["--workers", "2"]], ids=" ".join)
async def test_a_method_is_answered_before_the_end(serve, tmp_path, options):
    server = serve(*options)
    async with DDPClient(server.ws) as client, DDPClient(server.ws, sockjs=True) as idle:
        call = await start_lingering(client, server, tmp_path)
        server.process.send_signal(signal.SIGTERM)
        await refused(server.http)
        assert await idle.wait_closed() == RESTART
        (tmp_path / "go").touch()
        assert await call == "done"
        assert await client.wait_closed() == RESTART
        assert await asyncio.to_thread(server.wait) == 0
    assert "Traceback" not in server.output


async def test_nothing_new_is_begun(serve, tmp_path):
    """What has not been begun is left to the next server, to which the client sends it again."""
    server = serve()
    async with DDPClient(server.ws) as client:
        call = await start_lingering(client, server, tmp_path)
        queued = asyncio.create_task(client.call("shop/process"))
        server.process.send_signal(signal.SIGTERM)
        await refused(server.http)
        (tmp_path / "go").touch()
        assert await call == "done"
        assert await client.wait_closed() == RESTART
        with pytest.raises(AssertionError, match="Closed with"):
            await queued
    assert await asyncio.to_thread(server.wait) == 0


async def test_a_method_that_takes_too_long(serve, tmp_path):
    server = serve(SETTINGS=settings(SHUTDOWN_METHOD_SECONDS=0.2))
    async with DDPClient(server.ws) as client:
        call = await start_lingering(client, server, tmp_path)
        server.process.send_signal(signal.SIGTERM)
        assert await client.wait_closed() == RESTART
        with pytest.raises(AssertionError, match="Closed with"):
            await call
        (tmp_path / "go").touch()
    assert await asyncio.to_thread(server.wait) == 0


@pytest.mark.parametrize("options", [[], ["--workers", "2"]], ids=" ".join)
@pytest.mark.parametrize("first", [signal.SIGTERM, signal.SIGINT], ids=lambda sig: sig.name)
async def test_a_second_signal_ends_at_once(serve, tmp_path, options, first):
    server = serve(*options)
    children = server.children()
    async with DDPClient(server.ws) as client:
        call = await start_lingering(client, server, tmp_path)
        server.process.send_signal(first)
        await refused(server.http)
        assert await asyncio.to_thread(server.end, signal.SIGINT) == 0
        call.cancel()
    assert all_gone(children)
    assert "Traceback" not in server.output


async def test_probes(serve, tmp_path):
    server = serve(SETTINGS=settings(HEALTH_PREFIX="", SHUTDOWN_DELAY_SECONDS=3600))
    assert json.loads(get(server.http + "readyz", host="10.1.2.3")) == {"status": "ready"}
    assert json.loads(get(server.http + "healthz")) == {"status": "alive"}
    server.process.send_signal(signal.SIGTERM)
    with pytest.raises(urllib.error.HTTPError, match="503") as stopping:
        await for_ever(get_async, server.http + "readyz")
    assert json.loads(stopping.value.read()) == {"status": "the server stops"}
    stopping.value.close()
    # The others are still answered, as the balancer does not know yet.
    assert await get_async(server.http) == "hello"
    async with DDPClient(server.ws) as client:
        assert await client.call("shop/process")
    assert server.end(signal.SIGTERM) == 0


async def test_workers_are_replaced_one_after_the_other(serve):
    server = serve("--workers", "2")
    before = {child.pid for child in server.children()}
    served, ends = set(), set()

    async def keep_coming():
        """A client after the other; none may be refused, only told to go."""
        while True:
            client = DDPClient(server.ws)
            await client.open()
            try:
                await client.connect()
                served.add(await client.call("shop/process"))
            except (AssertionError, ConnectionError):
                assert client.closed == RESTART
            finally:
                await client.close()

    async def stay():
        async with DDPClient(server.ws) as client:
            ends.add(await client.wait_for(lambda: client.closed, 60))

    others = [asyncio.create_task(each()) for each in (keep_coming, stay, stay, stay)]
    server.process.send_signal(signal.SIGHUP)
    await asyncio.to_thread(server.find, "All server processes have been replaced")
    assert not others[0].done()
    others[0].cancel()
    await asyncio.wait(others[1:])
    assert ends == {RESTART}
    after = {child.pid for child in server.children()}
    assert len(after) == 2
    assert not after & before
    assert await asyncio.to_thread(server.end) == 0
    assert "Traceback" not in server.output


async def test_a_mistake_in_a_deploy(serve, project):
    server = serve("--workers", "2")
    before = {child.pid for child in server.children()}
    (project / "shop" / "models.py").write_text("1 / 0")
    server.process.send_signal(signal.SIGHUP)
    await asyncio.to_thread(server.find, "the others go on as they are")
    assert {child.pid for child in server.children()} == before
    async with DDPClient(server.ws) as client:
        assert await client.call("shop/process") in before


async def test_workers_killed_while_clients_call(serve):
    """Each is replaced, and clients that come again are served."""
    server = serve("--workers", "2")
    served = set()

    def workers():
        try:
            return {child.pid for child in server.children()}
        except psutil.NoSuchProcess:
            return set()

    async def call_on():
        while True:
            with contextlib.suppress(OSError, AssertionError, WebSocketException):
                async with DDPClient(server.ws) as client:
                    for _ in range(20):
                        served.add(await client.call("shop/process"))

    callers = [asyncio.create_task(call_on()) for _ in range(10)]
    await until(lambda: len(workers()) == 2 and workers() <= served, 60)
    for _ in range(2):
        victim = min(workers())
        os.kill(victim, signal.SIGKILL)
        await until(lambda victim=victim: victim not in workers() and len(workers()) == 2, 60)
        await until(lambda: len(workers()) == 2 and workers() <= served, 60)
    for each in callers:
        each.cancel()
    await asyncio.wait(callers)
    assert server.output.count("is replaced") == 2
