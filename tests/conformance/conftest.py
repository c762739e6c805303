"""Each test runs over a raw WebSocket and over SockJS's."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable

import pytest

from dddp.testing.client import DDPClient
from tools.serving import Watched
from tools.talking import Talk


@pytest.fixture(params=["raw", "sockjs"])
def sockjs(request: pytest.FixtureRequest) -> bool:
    return bool(request.param == "sockjs")


@pytest.fixture
async def talk(server: Watched, ddp: Callable[..., Awaitable[DDPClient]], sockjs: bool) -> Talk:
    """A connected client."""
    return Talk(await ddp(sockjs=sockjs))


@pytest.fixture
async def other(server: Watched, ddp: Callable[..., Awaitable[DDPClient]], sockjs: bool) -> Talk:
    """Another connected client."""
    return Talk(await ddp(sockjs=sockjs))


@pytest.fixture
async def opened(server: Watched, sockjs: bool) -> AsyncIterator[DDPClient]:
    """A client that has not sent anything yet."""
    client = DDPClient(server.ws_url, sockjs=sockjs)
    await client.open()
    yield client
    await client.close()
    assert client.violations == []
