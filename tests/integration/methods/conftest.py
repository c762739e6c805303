"""A hub of one's own: collections are the test project's, methods what a test offers."""

import pytest

from dddp.api.registry import API, Registry
from dddp.session.hub import Hub
from tools.inprocess import InProcess


@pytest.fixture
def registry():
    registry = Registry()
    registry._collections.update(API._collections)
    return registry


@pytest.fixture
async def hub(db_project, registry):
    """Started, with nothing left behind."""
    hub = Hub(registry)
    await hub.start()
    yield hub
    for session in hub.sessions:
        session.end()
    await hub.stop()
    assert hub.fences.outstanding() == []


@pytest.fixture
async def client(hub):
    async with InProcess(hub) as client:
        yield client
        assert client.violations == []


@pytest.fixture
def kinds(client):
    """What has come since it was asked last."""
    seen = len(client.messages)

    def told():
        nonlocal seen
        news = [each["msg"] for each in client.messages[seen:]]
        seen = len(client.messages)
        return news

    return told
