import pytest

from dddp.api.methods import Method
from dddp.api.registry import API
from tools.inprocess import InProcess


@pytest.fixture
async def hub(db_project):
    """A hub in this process, started."""
    from dddp.session.hub import Hub

    hub = Hub()
    await hub.start()
    yield hub
    await hub.stop()


@pytest.fixture
async def client(hub):
    """A connected client of the hub."""
    async with InProcess(hub) as client:
        yield client
        assert client.violations == []


@pytest.fixture
def show():
    """Publish querysets under a name: `show("few", queryset, ...)`, then subscribe to Shown."""
    from zoo.ddp import shown

    yield lambda name, *querysets: shown.update({name: list(querysets)})
    shown.clear()


@pytest.fixture
def method(monkeypatch):
    """Decorator: clients can call the function by its name."""

    def register(function):
        name = function.__name__
        monkeypatch.setitem(API._methods, name, Method(name, function))
        return function

    return register
