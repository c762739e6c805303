import os

import pytest
from django.conf import settings
from django.test import override_settings
from fake_server import FakeHub, Server

from dddp.asgi import DDPApplication


@pytest.fixture(autouse=True)
def django_settings():
    """Settings of a small project, whatever else this test run has configured."""
    if not settings.configured and not os.environ.get("DJANGO_SETTINGS_MODULE"):
        settings.configure()
    with override_settings(ALLOWED_HOSTS=["example.com"], DEBUG=False):
        yield


@pytest.fixture
def hub():
    return FakeHub()


@pytest.fixture
def server(hub):
    """A server with DDP around an application that answers HTTP with "the project"."""
    return Server(DDPApplication(project, hub))


async def project(scope, receive, send):
    assert scope["type"] == "http"
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"the project"})
