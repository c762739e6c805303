"""A strict DDP client that talks to a `Hub` in the same process, without a socket."""

import asyncio
import itertools

from django.db import connections

from dddp.session.info import ConnectionInfo
from dddp.testing.client import DDPClient


class InProcess(DDPClient):
    """`DDPClient` over a session of a hub; `info` is what the hub is told of the connection."""

    def __init__(self, hub, info=None):
        super().__init__("")
        self._hub = hub
        self._info = info or ConnectionInfo()

    @property
    def server(self):
        """The session."""
        return self.attachment.session

    async def open(self):
        self.attachment = self._hub.open(self._info)
        self._reader = asyncio.create_task(self._drain(self.attachment))

    async def send_text(self, text):
        await self.attachment.receive(text)

    async def close(self):
        await self.attachment.receive('{"msg":"disconnect"}')
        await self._end_socket()

    def cut(self):
        self.attachment.lost()

    async def _end_socket(self):
        self.attachment.lost()
        await self._reader

    async def _drain(self, attachment):
        while (frames := await (outbox := attachment.outbox).take()) is not None:
            for frame in frames:
                if self.receive(frame.text).get("msg") == "ping":
                    await self._pong(self.messages[-1])
            async with self._news:
                self._news.notify_all()
        self.closed = (outbox.close_code, outbox.close_reason)
        async with self._news:
            self._news.notify_all()


async def db(function, *args):
    """Call what uses the database in a thread; its connection is closed afterwards."""

    def job():
        try:
            return function(*args)
        finally:
            connections.close_all()

    return await asyncio.to_thread(job)


async def sql(statement, *params):
    """Run a statement in autocommit."""

    def execute():
        with connections["default"].cursor() as cursor:
            cursor.execute(statement, params or None)

    await db(execute)


async def quiet(hub):
    """Return once everything committed so far is in all live queries of the hub."""
    fence = hub.fences.new()
    await sql("SELECT pg_notify(%s, %s)", hub.fence_channel, fence.token)
    await hub.passed(fence)
    await hub.engine.settled(hub.engine.queries)
    await all_taken(hub)


async def all_taken(hub):
    """Let the clients of this process take what has been sent to them."""
    for _ in itertools.count():
        await asyncio.sleep(0)
        if not any(attachment.outbox.size for attachment in hub.connections):
            break
    for _ in range(3):
        await asyncio.sleep(0)
