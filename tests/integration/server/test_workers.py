import asyncio
import contextlib
import os
import signal
import sys

import psutil
import pytest
from running import get

from dddp.testing.client import DDPClient


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux shares connections out")
async def test_connections_reach_all_workers(serve):
    server = serve("--workers", "2")
    workers = {child.pid for child in server.children()}
    found = set()
    async with contextlib.AsyncExitStack() as stack:
        while found != workers:
            client = await stack.enter_async_context(DDPClient(server.ws))
            found.add(await client.call("shop/process"))


async def test_a_write_anywhere_reaches_clients_everywhere(serve, postgres):
    server, other = serve("--workers", "2"), serve()
    async with contextlib.AsyncExitStack() as stack:
        clients = [
            await stack.enter_async_context(DDPClient(url)) for url in [other.ws, *[server.ws] * 10]
        ]
        for client in clients:
            await client.subscribe("Items")
        assert len({await client.call("shop/process") for client in clients}) >= 2
        import psycopg

        with psycopg.connect(postgres.dsn_of("shop"), autocommit=True) as connection:
            connection.execute("INSERT INTO shop_item (name) VALUES ('ink')")
            for client in clients:
                items = client.collections["shop.item"]
                await client.wait_for(lambda items=items: {"name": "ink"} in items.values())
            connection.execute("DELETE FROM shop_item WHERE name = 'ink'")


async def test_a_worker_that_crashes_is_replaced(serve):
    server = serve("--workers", "2")
    before = {child.pid for child in server.children()}
    async with DDPClient(server.ws) as client:
        mine = await client.call("shop/process")
        (other,) = before - {mine}
        os.kill(other, signal.SIGKILL)
        await asyncio.to_thread(server.find, "is replaced")
        assert await client.call("shop/process") == mine
    assert get(server.http) == "hello"
    after = {child.pid for child in server.children()}
    assert len(after) == 2
    assert mine in after
    assert other not in after
    assert psutil.pid_exists(mine)


def test_project_that_cannot_be_loaded_by_workers(start, project):
    with (project / "shop" / "urls.py").open("a") as urls:
        urls.write("import nothing_like_this\n")
    server = start("dddp", "127.0.0.1:0", "--workers", "2")
    server.wait_listening()
    assert server.end() == 0


def test_workers_that_cannot_start(start, project):
    """What only shows in a worker ends all of them: another one would fail as well."""
    with (project / "shop" / "apps.py").open("w") as apps:
        apps.write(
            "import multiprocessing\n"
            "from django.apps import AppConfig\n"
            "class ShopConfig(AppConfig):\n"
            "    name = 'shop'\n"
            "    def ready(self):\n"
            "        if multiprocessing.parent_process():\n"
            "            raise RuntimeError('not in a worker')\n"
        )
    server = start("dddp", "127.0.0.1:0", "--workers", "2")
    assert server.wait() == 1
    assert "not in a worker" in server.output
