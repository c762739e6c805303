"""Probes: off unless a prefix is set, and never in the way of DDP or the project."""

import asyncio
import json

import pytest
from django.test import override_settings

from dddp.exceptions import ListenerError
from dddp.transports import health


@pytest.fixture
def probes():
    with override_settings(DDP_HEALTH_PREFIX="/ops/"):
        yield


def status(response):
    return response.status, json.loads(response.body)["status"]


async def test_off_by_default(server):
    for path in ("/healthz", "/readyz"):
        assert (await server.http(path)).body == b"the project"


@pytest.mark.parametrize(
    ("prefix", "path", "ours"),
    [
        ("", "/healthz", True),
        ("/", "/readyz", True),
        ("ops", "/ops/readyz", True),
        ("/a/b/", "/a/b/healthz", True),
        ("ops", "/readyz", False),
        ("ops", "/ops/readyz/", False),
        ("ops", "/ops/", False),
        ("ops", "/opsreadyz", False),
    ],
)
async def test_paths(server, prefix, path, ours):
    with override_settings(DDP_HEALTH_PREFIX=prefix):
        assert ((await server.http(path)).body != b"the project") is ours


async def test_mounted_below_a_path(server, probes):
    response = await server.http("/app/ops/readyz", root_path="/app")
    assert status(response) == (200, "ready")


@pytest.mark.usefixtures("probes")
class TestAnswers:
    async def test_ready(self, server, hub):
        assert status(await server.http("/ops/readyz")) == (200, "ready")
        assert hub.calls == ["start"]  # where there is no lifespan, the first probe starts it

    async def test_change_feed_away(self, server, hub):
        hub.ready = False
        assert status(await server.http("/ops/readyz")) == (503, "the change feed is not live")
        assert status(await server.http("/ops/healthz")) == (200, "alive")

    async def test_change_feed_never_there(self, server, hub):
        hub.failure = ListenerError("password=secret")
        response = await server.http("/ops/readyz")
        assert status(response) == (503, "the change feed is not live")
        assert b"secret" not in response.body

    async def test_change_feed_that_takes_long(self, server, hub, monkeypatch):
        monkeypatch.setattr(health, "START_SECONDS", 0.01)
        monkeypatch.setattr(hub, "start", lambda: asyncio.sleep(60))
        assert status(await server.http("/ops/readyz")) == (503, "the change feed is not live")

    async def test_stopping(self, server, hub):
        hub.leaving = True
        assert status(await server.http("/ops/readyz")) == (503, "the server stops")
        assert status(await server.http("/ops/healthz")) == (200, "alive")
        assert hub.calls == []

    async def test_any_host(self, server):
        assert (await server.http("/ops/readyz", host="10.1.2.3:8000")).status == 200
        assert (await server.http("/ops/readyz", host=None)).status == 200

    async def test_not_cached(self, server):
        response = await server.http("/ops/readyz")
        assert response.headers["cache-control"] == "no-store"
        assert response.headers["content-type"] == "application/json"

    async def test_head(self, server):
        response = await server.http("/ops/readyz", method="HEAD")
        assert (response.status, response.body) == (200, b"")
