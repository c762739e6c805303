"""Control over the change feed of a hub in the same process."""

import asyncio
from contextlib import asynccontextmanager

from dddp.exceptions import ListenerError


class Held:
    """Holds back what a hub hears from now on, until it is let through."""

    def __init__(self, hub):
        self._hub = hub
        self._messages = []
        hub.listener._on_batch = self._messages.extend

    async def let_through(self):
        """In order, each message when everybody has done what follows from the one before."""
        while self._messages:
            self._hub.engine.on_batch([self._messages.pop(0)])
            for _ in range(20):
                await asyncio.sleep(0)
        self._hub.listener._on_batch = self._hub.engine.on_batch


@asynccontextmanager
async def outage(hub):
    """A hub's connection to the change feed is lost inside, and back afterwards."""
    back = asyncio.Event()
    sleep, hub.listener._sleep = hub.listener._sleep, lambda _: back.wait()
    hub.listener._link.close(ListenerError("The test has cut it."))
    try:
        yield
    finally:
        back.set()
        await hub.engine.live.wait()
        hub.listener._sleep = sleep


async def until(condition, seconds=20):
    """Poll for what nothing tells of."""
    async with asyncio.timeout(seconds):
        while not condition():  # noqa: ASYNC110, there is no event for it
            await asyncio.sleep(0.005)
