import pytest


@pytest.fixture
async def hub(db_project):
    """A hub in this process, started."""
    from dddp.session.hub import Hub

    hub = Hub()
    await hub.start()
    yield hub
    await hub.stop()
