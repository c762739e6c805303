import pytest
from django.db import connections


@pytest.fixture
def database(project_database, monkeypatch):
    """The test project's with any rows in it: a story empties the tables that it is about."""
    monkeypatch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "true")
    connections.close_all()
    yield
    connections.close_all()


@pytest.fixture
async def hub(database):
    """A hub in this process, started."""
    from dddp.session.hub import Hub

    hub = Hub()
    await hub.start()
    yield hub
    await hub.stop()


@pytest.fixture
def follow(hub):
    """`await follow(kind)`: take clients through a kind's story."""
    from following import Following

    return Following(hub).through
