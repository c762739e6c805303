"""Whose a request is that comes over a unix socket."""

import pytest

from dddp.server.worker import UnixPeers

SOMEBODY = ("192.0.2.9", 0)


@pytest.mark.parametrize(
    ("header", "client"),
    [(b"203.0.113.9, 192.0.2.9", SOMEBODY), (None, None), (b"127.0.0.1", ("127.0.0.1", 0))],
)
@pytest.mark.parametrize("kind", ["http", "websocket"])
async def test_as_the_proxy_says_or_unknown(kind, header, client):
    seen = []

    async def app(scope, receive, send):
        seen.append(scope["client"])

    headers = [] if header is None else [(b"x-forwarded-for", header)]
    await UnixPeers(app)({"type": kind, "client": None, "headers": headers}, None, None)
    assert seen == [client]


async def test_the_application_itself_is_started():
    seen = []

    async def app(scope, receive, send):
        seen.append(scope)

    await UnixPeers(app)({"type": "lifespan"}, None, None)
    assert seen == [{"type": "lifespan"}]
