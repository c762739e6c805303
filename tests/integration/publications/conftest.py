"""A hub of one's own: collections are the test project's, the rest what a test offers."""

import pytest

from dddp.api import APIMixin, api_endpoint, this
from dddp.api.registry import API, Registry
from dddp.session.hub import Hub
from tools.inprocess import InProcess, db


class Login(APIMixin):
    """Everybody is who he says he is."""

    api_path_prefix = ""

    @api_endpoint
    def login(self, user_id):
        this.set_user_id(user_id)
        return this.user_id

    @api_endpoint
    def who(self):
        return [this.user_id, this.user.is_authenticated]


@pytest.fixture
def registry():
    registry = Registry()
    registry._collections.update(API._collections)
    registry.register(Login)
    return registry


@pytest.fixture
async def hub(db_project, registry):
    """Started, with nothing left behind."""
    hub = Hub(registry)
    await hub.start()
    yield hub
    for session in hub.sessions:
        session.end()
    hub.lingering.end()
    assert hub.engine.queries == []
    await hub.stop()
    assert hub._finishing == set()


@pytest.fixture
async def client(hub):
    async with InProcess(hub) as client:
        yield client
        assert client.violations == []


@pytest.fixture
def offer(registry):
    """Decorator: clients can subscribe to the class, or call its methods."""

    def register(provider):
        registry.register(provider)
        return provider

    return register


@pytest.fixture
def django_user_model():
    from django.contrib.auth import get_user_model

    return get_user_model()


@pytest.fixture
async def people(db_project, django_user_model):
    """Ada is in channel "a", Bob in "b", and each has written there; Root is a superuser."""

    from club.models import Channel, Message

    def make():
        create = django_user_model.objects.create
        people = {name: create(username=name) for name in ("ada", "bob")}
        for name, user in people.items():
            channel = Channel.objects.create(name=name[0])
            channel.members.add(user)
            Message.objects.create(channel=channel, author=user, text=name)
        people["root"] = create(username="root", is_superuser=True)
        return {name: str(user.pk) for name, user in people.items()}

    return await db(make)


@pytest.fixture
def offered(offer):
    """`Mine` and `Everyones`."""
    from club_life import Everyones, Mine

    offer(Mine)
    offer(Everyones)
