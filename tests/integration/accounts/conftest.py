"""Clients of a hub that offers the project's own accounts."""

import asyncio

import pytest
from django.contrib.auth import get_user_model
from django.core import mail
from django.core.cache import cache
from django.test import override_settings
from people import LOCAL, PASSWORD

from dddp.accounts import background
from dddp.session.hub import Hub
from tools.inprocess import InProcess, db
from tools.talking import Talk


@pytest.fixture
def configure():
    """Change settings until the end of the test."""
    changes = []

    def change(**settings):
        changes.append(override_settings(**settings))
        changes[-1].enable()

    yield change
    for each in reversed(changes):
        each.disable()


@pytest.fixture
async def hub(db_project, configure):
    """Started; anybody may sign up, as often as he likes."""
    configure(
        DDP_ACCOUNTS_SIGNUP=True,
        DDP_ACCOUNTS_ROOT_URL="https://example.org/",
        DDP_RATE_LIMITS=[],
        EMAIL_BACKEND="django.core.mail.backends.locmem.EmailBackend",
        ALLOWED_HOSTS=["*"],
    )
    cache.clear()
    hub = Hub()
    await hub.start()
    yield hub
    for session in hub.sessions:
        session.end()
    await hub.stop()


@pytest.fixture
async def connect(hub):
    """Connect clients, to another hub if one is given."""
    clients = []

    async def connect(info=LOCAL, to=None):
        client = InProcess(to or hub, info)
        clients.append(await client.__aenter__())
        return client

    yield connect
    for client in clients:
        await client.close()
    assert [each for client in clients for each in client.violations] == []


@pytest.fixture
async def client(connect):
    return await connect()


@pytest.fixture
async def talk(client):
    return Talk(client)


@pytest.fixture
async def ada(db_project):
    """A user whose password is known in both forms."""
    return await db(
        lambda: get_user_model().objects.create_user("ada", "ada@example.org", PASSWORD)
    )


@pytest.fixture
def sent(hub, monkeypatch):
    """Wait until mails have been sent; the mails since the last time."""
    monkeypatch.setattr(background, "SPREAD_SECONDS", 0)
    mail.outbox = []

    async def sent():
        for _ in range(2):  # a job may have a mail sent by another one
            await asyncio.wrap_future(background._pool.submit(lambda: None))
        found, mail.outbox = mail.outbox, []
        return found

    return sent
