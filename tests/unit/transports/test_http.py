import json

import pytest
from django.test import override_settings


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

    async def test_cookies_for_the_balancer(self, server):
        with override_settings(DDP_SOCKJS_COOKIE=True):
            response = await server.http("/sockjs/info")
        assert json.loads(response.body)["cookie_needed"] is True
        assert "set-cookie" not in response.headers

    async def test_preflight(self, server):
        headers = {"origin": "http://example.com", "access-control-request-headers": "x-a"}
        response = await server.http("/sockjs/info", method="OPTIONS", headers=headers)
        assert (response.status, response.body) == (204, b"")
        assert response.headers["access-control-allow-methods"] == "OPTIONS, GET"
        assert response.headers["access-control-allow-headers"] == "x-a"
        assert response.headers["access-control-allow-origin"] == "http://example.com"


class TestIframePage:
    @pytest.fixture(autouse=True)
    def library(self):
        with override_settings(DDP_SOCKJS_URL="https://cdn.example/sockjs.js?a&b"):
            yield

    async def test_loads_the_library(self, server):
        response = await server.http("/sockjs/iframe-0.3.4.min.html")
        assert response.status == 200
        assert response.headers["content-type"] == "text/html; charset=UTF-8"
        assert b'<script src="https://cdn.example/sockjs.js?a&amp;b"></script>' in response.body

    async def test_is_kept_by_browsers(self, server):
        response = await server.http("/sockjs/iframe.html")
        assert response.headers["cache-control"] == "public, max-age=31536000"
        assert "expires" in response.headers
        headers = {"if-none-match": response.headers["etag"]}
        again = await server.http("/sockjs/iframe.html", headers=headers)
        assert (again.status, again.body) == (304, b"")
        assert "content-type" not in again.headers

    @pytest.mark.parametrize(
        ("settings", "ancestors"),
        [
            ({}, "'self'"),
            ({"DDP_ALLOWED_ORIGINS": ["https://a.org/", "null"]}, "'self' https://a.org"),
            (
                {"DDP_ALLOWED_ORIGINS": ["https://*.a.org"]},
                "'self' https://*.a.org https://a.org",
            ),
            (
                {"DEBUG": True},
                "'self' http://localhost:* http://*.localhost:* http://127.0.0.1:*",
            ),
        ],
    )
    async def test_only_in_pages_that_may_connect(self, server, settings, ancestors):
        with override_settings(**settings):
            response = await server.http("/sockjs/iframe.html")
        policy = response.headers["content-security-policy"]
        assert policy == f"frame-ancestors {ancestors}"
        assert ("x-frame-options" in response.headers) == (settings == {})

    async def test_in_all_pages_where_all_may_connect(self, server):
        with override_settings(DDP_ALLOWED_ORIGINS=["*"]):
            response = await server.http("/sockjs/iframe.html")
        assert "content-security-policy" not in response.headers

    async def test_a_static_file(self, server):
        with override_settings(DDP_SOCKJS_URL="vendor/sockjs.js", STATIC_URL="/static/"):
            response = await server.http("/sockjs/iframe.html")
        assert b'src="/static/vendor/sockjs.js"' in response.body

    async def test_without_a_library(self, server):
        with override_settings(DDP_SOCKJS_URL=""):
            response = await server.http("/sockjs/iframe.html")
        assert response.status == 404
        assert b"DDP_SOCKJS_URL" in response.body


@pytest.mark.parametrize(
    "path", ["/websocket", "/websocket/", "/sockjs/websocket", "/sockjs/1/a/websocket"]
)
async def test_no_upgrade(server, path):
    response = await server.http(path)
    assert (response.status, response.body) == (400, b"Not a valid websocket request")


@pytest.mark.parametrize(
    "path",
    [
        "/sockjs/nothing",
        "/sockjs/1/a",
        "/sockjs/1/a/nothing",
        "/sockjs/1/a.b/xhr",
        "/sockjs//a/xhr",
        "/sockjs/1/a/xhr/",
        "/sockjs/1/b/a/xhr",
        f"/sockjs/1/{'a' * 129}/xhr",
    ],
)
@pytest.mark.parametrize("method", ["GET", "POST", "OPTIONS"])
async def test_nothing_there(server, path, method):
    assert (await server.http(path, method=method)).status == 404


@pytest.mark.parametrize(
    ("path", "method", "allowed"),
    [
        ("/sockjs", "POST", "GET"),
        ("/sockjs/info", "POST", "OPTIONS, GET"),
        ("/sockjs/1/a/websocket", "POST", "GET"),
        ("/sockjs/1/a/xhr", "GET", "OPTIONS, POST"),
        ("/sockjs/1/a/xhr_send", "GET", "OPTIONS, POST"),
        ("/sockjs/1/a/xhr_streaming", "PUT", "OPTIONS, POST"),
        ("/sockjs/1/a/eventsource", "POST", "GET"),
        ("/sockjs/1/a/htmlfile", "OPTIONS", "GET"),
        ("/sockjs/1/a/jsonp", "POST", "GET"),
        ("/sockjs/1/a/jsonp_send", "GET", "POST"),
    ],
)
async def test_other_methods(server, path, method, allowed):
    response = await server.http(path, method=method)
    assert (response.status, response.body) == (405, b"")
    assert response.headers["allow"] == allowed
    assert "content-type" not in response.headers


class TestTransportsThatAreOff:
    @pytest.fixture(autouse=True)
    def few(self):
        with override_settings(DDP_SOCKJS_TRANSPORTS=["xhr-polling"]):
            yield

    async def test_are_not_there(self, server, hub):
        for name in ("xhr_streaming", "jsonp_send"):
            assert (await server.http(f"/sockjs/1/a/{name}", "POST")).status == 404
        assert (await server.http("/sockjs/1/a/xhr", "POST")).status == 200
        async with server.websocket("/sockjs/1/a/websocket") as socket:
            assert await socket.refused() == 404

    async def test_info_tells_of_websocket(self, server):
        assert json.loads((await server.http("/sockjs/info")).body)["websocket"] is False

    async def test_raw_websocket_is_not_sockjs(self, server):
        async with server.websocket("/websocket") as socket:
            await socket.accepted()


async def test_wrong_host(server):
    assert (await server.http("/sockjs/info", host="evil.org")).status == 400
