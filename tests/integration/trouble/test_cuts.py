"""A busy session whose connection is lost at every message, and in the middle of them.

What counts: the client ends up equal to the database, sees nothing that a DDP server may not
send, and, where its session was resumed, is told exactly what it would have been told otherwise.
"""

from __future__ import annotations

import asyncio
from urllib.parse import urlsplit

import pytest
from django.contrib.auth import get_user_model
from people import LOCAL, PASSWORD, by_name

from dddp.accounts.models import LoginToken
from dddp.session import outbox
from dddp.session.hub import Hub
from dddp.testing.client import DDPClient
from tools.busy import Busy
from tools.feed import until
from tools.inprocess import InProcess, db, quiet, sql
from tools.tcp_proxy import CuttingProxy
from zoo.models import Keyed

pytestmark = pytest.mark.timeout(300)
LOGIN = by_name("ada", PASSWORD)
SURE = 25
"""Messages that there are at least."""


@pytest.fixture
async def ada(db_project):
    create = get_user_model().objects.create_user
    return await db(lambda: create("ada", password=PASSWORD))


@pytest.fixture
async def hub(ada):
    hub = Hub()
    await hub.start()
    yield hub
    await hub.stop()


class Cut(InProcess):
    """A client whose connection ends when it has received so many messages."""

    def __init__(self, hub, behind):
        super().__init__(hub, LOCAL)
        self._behind = behind

    def receive(self, text):
        message = super().receive(text)
        if len(self.messages) == self._behind:
            self.cut()
        return message


def answers(busy):
    """Without documents: how those of several queries mix depends on who is first."""
    return [each for each in busy.told if each["msg"] in ("ready", "nosub", "updated", "result")]


async def played(hub, behind=None):
    await db(Keyed.objects.all().delete)
    await quiet(hub)
    client = Cut(hub, behind)
    busy = Busy(client, sql, lambda: quiet(hub), LOGIN)
    await busy.run()
    await client.close()
    assert client.violations == []
    return busy


async def test_at_every_message_the_session_goes_on_as_if_nothing_was(hub, monkeypatch):
    # Each message by itself: a client may have received any number of those written.
    monkeypatch.setattr(outbox, "CHUNK_FRAMES", 1)
    uncut = await played(hub)
    number = len(uncut.client.messages)
    assert number > 30
    for behind in range(1, number):
        cut = await played(hub, behind)
        assert cut.resumed == [True], f"cut behind {uncut.client.messages[behind - 1]}"
        assert cut.told == uncut.told


async def test_a_token_that_is_dropped_while_its_client_is_away(hub, ada):
    async with InProcess(hub, LOCAL) as client:
        await client.call("login", LOGIN)
        client.cut()
        assert hub.sessions.kept == 1
        await db(LoginToken.objects.all().delete)
        await until(lambda: not len(hub.sessions))
        assert not await client.reconnect()
        assert not client.collections["users"]


class TestOverTcp:
    """Here messages are lost that the server has written: then there is a session anew."""

    @pytest.fixture
    async def proxy(self, server):
        parts = urlsplit(server.ws_url)
        async with CuttingProxy(parts.hostname, parts.port) as proxy:
            yield proxy

    async def played(self, proxy, behind=None, within=0):
        await db(Keyed.objects.all().delete)
        proxy.cut_behind, proxy.cut_within = behind, within
        client = DDPClient(f"ws://127.0.0.1:{proxy.port}/websocket")
        busy = Busy(client, sql, lambda: asyncio.sleep(0), LOGIN)
        await busy.run()
        await client.close()
        assert client.violations == []
        return busy

    async def test_a_link_that_is_half_open(self, proxy):
        """The server does not know yet that the client is gone."""
        proxy.half_open = True
        async with DDPClient(f"ws://127.0.0.1:{proxy.port}/websocket") as client:
            await client.subscribe("AllKeyed")
            client.cut()
            assert await client.reconnect()
            await db(lambda: Keyed.objects.create(key="a"))
            await client.wait_for(lambda: client.collections["zoo.keyed"])
            proxy.pause()
            await db(lambda: Keyed.objects.create(key="b"))
            client.cut()
            proxy.restore()
            await client.reconnect()
            await client.wait_for(lambda: len(client.collections["zoo.keyed"]) == 2)
            assert client.violations == []

    @pytest.mark.parametrize("within", [0, 7])
    async def test_at_every_message_and_within_it(self, ada, proxy, within):
        uncut = await self.played(proxy)
        resumed = 0
        for behind in range(1, len(uncut.client.messages)):
            busy = await self.played(proxy, behind, within)
            # How many messages there are in the end depends on which query is first.
            assert len(busy.resumed) == 1 or behind > SURE
            resumed += sum(busy.resumed)
            if busy.resumed == [True]:
                assert answers(busy) == answers(uncut)
        # A client never goes on from where half a message was lost.
        assert (resumed == 0) if within else (resumed >= 1)
