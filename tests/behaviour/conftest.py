"""Each test runs under every server, over every transport. A server is started once."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
from hosts import HOSTS, running
from transports import TRANSPORTS, Connect

from dddp.testing.client import DDPClient
from tools.serving import Server, Watched

SETTINGS = {
    "DDP_HEARTBEAT_INTERVAL": 1,
    "DDP_HEARTBEAT_TIMEOUT": 3,
    "DDP_RATE_LIMITS": [],
    "DDP_MAX_MESSAGE_BYTES": 400_000,
}


@pytest.fixture(scope="session", params=HOSTS)
def host(
    request: pytest.FixtureRequest, project_database: str, log_directory: Path
) -> Iterator[Server]:
    with running(request.param, log_directory, SETTINGS) as server:
        yield server


@pytest.fixture(params=TRANSPORTS)
def transport(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def server(db_project: str, host: Server) -> Iterator[Watched]:
    """One of the servers, with an empty database."""
    watched = Watched(host)
    yield watched
    watched.check()


@pytest.fixture
async def open_client(server: Watched, transport: str) -> AsyncIterator[Connect]:
    """`await open_client()` gives a client that has sent nothing yet; closed at the end."""
    clients: list[DDPClient] = []
    async with AsyncExitStack() as stack:

        async def open() -> DDPClient:
            client = TRANSPORTS[transport](server.ws_url)
            await client.open()
            stack.push_async_callback(client.close)
            clients.append(client)
            return client

        yield open
    assert [violation for client in clients for violation in client.violations] == []


@pytest.fixture
async def connect(open_client: Connect) -> Connect:
    """`await connect()` gives a connected client."""

    async def connect() -> DDPClient:
        client: DDPClient = await open_client()
        await client.connect()
        return client

    return connect
