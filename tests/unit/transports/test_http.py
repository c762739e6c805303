import json

import pytest


class TestGreeting:
    @pytest.mark.parametrize("path", ["/sockjs", "/sockjs/"])
    async def test_welcome(self, server, path):
        response = await server.http(path)
        assert (response.status, response.body) == (200, b"Welcome to SockJS!\n")
        assert response.headers["content-type"] == "text/plain; charset=UTF-8"
        assert response.headers["content-length"] == "19"

    async def test_head(self, server):
        response = await server.http("/sockjs", method="HEAD")
        assert (response.status, response.body) == (200, b"")
        assert response.headers["content-length"] == "19"


class TestInfo:
    async def test_body(self, server):
        response = await server.http("/sockjs/info")
        assert response.status == 200
        assert response.headers["content-type"] == "application/json; charset=UTF-8"
        assert "no-store" in response.headers["cache-control"]
        info = json.loads(response.body)
        assert 0 <= info.pop("entropy") < 2**32
        assert info == {"websocket": True, "origins": ["*:*"], "cookie_needed": False}

    async def test_entropy_differs(self, server):
        first, second = [await server.http("/sockjs/info") for _ in range(2)]
        assert first.body != second.body

    async def test_cors_without_origin(self, server):
        response = await server.http("/sockjs/info")
        assert response.headers["access-control-allow-origin"] == "*"
        assert response.headers["vary"] == "Origin"

    async def test_cors_of_an_allowed_origin(self, server):
        headers = {"origin": "http://example.com"}
        response = await server.http("/sockjs/info", headers=headers)
        assert response.headers["access-control-allow-origin"] == "http://example.com"
        assert response.headers["access-control-allow-credentials"] == "true"

    async def test_cors_of_another_origin(self, server):
        response = await server.http("/sockjs/info", headers={"origin": "http://evil.org"})
        assert response.status == 200
        assert "access-control-allow-origin" not in response.headers

    async def test_preflight(self, server):
        headers = {"origin": "http://example.com", "access-control-request-headers": "x-a"}
        response = await server.http("/sockjs/info", method="OPTIONS", headers=headers)
        assert (response.status, response.body) == (204, b"")
        assert response.headers["access-control-allow-methods"] == "OPTIONS, GET"
        assert response.headers["access-control-allow-headers"] == "x-a"
        assert response.headers["access-control-allow-origin"] == "http://example.com"


async def test_iframe_page(server):
    response = await server.http("/sockjs/iframe-0.3.4.min.html")
    assert response.status == 200
    assert response.headers["content-type"] == "text/html; charset=UTF-8"


@pytest.mark.parametrize(
    "path", ["/websocket", "/websocket/", "/sockjs/websocket", "/sockjs/1/a/websocket"]
)
async def test_no_upgrade(server, path):
    response = await server.http(path)
    assert (response.status, response.body) == (400, b"Not a valid websocket request")


@pytest.mark.parametrize("path", ["/sockjs/1/a/xhr", "/sockjs/1/a/eventsource", "/sockjs/nothing"])
@pytest.mark.parametrize("method", ["GET", "POST", "OPTIONS"])
async def test_no_other_transports(server, path, method):
    assert (await server.http(path, method=method)).status == 404


async def test_wrong_host(server):
    assert (await server.http("/sockjs/info", host="evil.org")).status == 400
