"""SockJS 0.3.3, "Static URLs"; classes are named after the protocol's own tests."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tools.plain_http import Answer, SockJSSite
from tools.serving import Server, Watched

LIBRARY = "/static/sockjs.min.js"
YEAR = r"max-age=[1-9][0-9]{6}"
IFRAME = f"""<!DOCTYPE html>
<html>
<head>
  <meta http-equiv="X-UA-Compatible" content="IE=edge" />
  <meta http-equiv="Content-Type" content="text/html; charset=UTF-8" />
  <script>
    document.domain = document.domain;
    _sockjs_onload = function(){{SockJS.bootstrap_iframe();}};
  </script>
  <script src="{LIBRARY}"></script>
</head>
<body>
  <h2>Don't panic!</h2>
  <p>This is a SockJS hidden iframe. It's used for cross domain magic.</p>
</body>
</html>"""


@pytest.fixture
def site(server: Watched) -> SockJSSite:
    return SockJSSite(f"{server.url}sockjs")


@pytest.fixture(scope="module")
def tuned(project_database: str, log_directory: Path) -> Iterator[SockJSSite]:
    """A server without WebSocket, with a cookie for the balancer, and sockjs-client."""
    settings = {
        "DDP_SOCKJS_TRANSPORTS": [
            *("xhr-polling", "xhr-streaming", "eventsource", "htmlfile", "jsonp-polling")
        ],
        "DDP_SOCKJS_COOKIE": True,
        "DDP_SOCKJS_URL": LIBRARY,
    }
    with Server(log_directory, settings=settings).running() as server:
        yield SockJSSite(f"{server.url}sockjs")


class TestBaseUrlGreeting:
    @pytest.mark.parametrize("path", ["", "/"])
    async def test_greeting(self, site: SockJSSite, path: str) -> None:
        answer = await site.get(path)
        assert (answer.status, answer.body) == (200, "Welcome to SockJS!\n")
        assert answer.headers["content-type"] == "text/plain; charset=UTF-8"
        assert "set-cookie" not in answer.headers

    @pytest.mark.parametrize("path", ["/a", "/a.html", "//", "///", "/a/a", "/a/a/", "/a/"])
    async def test_not_found(self, site: SockJSSite, path: str) -> None:
        assert (await site.get(path)).status == 404


class TestIframePage:
    @pytest.mark.parametrize(
        "path",
        [
            *("/iframe.html", "/iframe-a.html", "/iframe-.html", "/iframe-0.1.2.html"),
            *("/iframe-0.1.2abc-dirty.2144.html", "/iframe-a.html?t=1234"),
        ],
    )
    async def test_urls(self, tuned: SockJSSite, path: str) -> None:
        answer = await tuned.get(path)
        assert (answer.status, answer.body) == (200, IFRAME)
        assert answer.headers["content-type"] == "text/html; charset=UTF-8"
        assert re.search(f"public, {YEAR}", answer.headers["cache-control"])
        assert answer.headers["expires"]
        assert answer.headers["etag"]
        assert not {"last-modified", "set-cookie"} & answer.headers.keys()

    @pytest.mark.parametrize(
        "path",
        [
            *("/iframe.htm", "/iframe", "/IFRAME.HTML", "/IFRAME", "/iframe.HTML"),
            *("/iframe.xml", "/iframe-/.html"),
        ],
    )
    async def test_invalid_urls(self, tuned: SockJSSite, path: str) -> None:
        assert (await tuned.get(path)).status == 404

    async def test_cacheability(self, tuned: SockJSSite) -> None:
        first, second = [await tuned.get("/iframe.html") for _ in range(2)]
        assert first.headers["etag"] == second.headers["etag"]
        third = await tuned.get("/iframe.html", if_none_match=first.headers["etag"])
        assert (third.status, third.body) == (304, "")
        assert "content-type" not in third.headers


class TestInfo:
    async def test_basic(self, site: SockJSSite) -> None:
        answer = await site.get("/info")
        assert answer.status == 200
        assert answer.headers["content-type"] == "application/json; charset=UTF-8"
        assert answer.headers["access-control-allow-origin"] == "*"
        verify_not_cached(answer)
        info = json.loads(answer.body)
        assert type(info.pop("entropy")) is int
        assert info == {"websocket": True, "cookie_needed": False, "origins": ["*:*"]}

    async def test_entropy(self, site: SockJSSite) -> None:
        first, second = [json.loads((await site.get("/info")).body) for _ in range(2)]
        assert first["entropy"] != second["entropy"]

    async def test_options(self, site: SockJSSite) -> None:
        await verify_options(site, "/info", "OPTIONS, GET")

    async def test_disabled_websocket(self, tuned: SockJSSite) -> None:
        assert json.loads((await tuned.get("/info")).body)["websocket"] is False
        assert (await tuned.get("/0/0/websocket")).status == 404


class TestWebsocketHttpErrors:
    async def test_method(self, site: SockJSSite) -> None:
        answer = await site.get("/0/0/websocket")
        assert (answer.status, answer.body) == (400, "Not a valid websocket request")

    async def test_invalid_connection_header(self, site: SockJSSite) -> None:
        answer = await site.get("/0/0/websocket", upgrade="WebSocket", connection="close")
        assert answer.status == 400

    async def test_invalid_method(self, site: SockJSSite) -> None:
        answer = await site.post("/0/0/websocket")
        assert (answer.status, answer.body) == (405, "")
        assert answer.headers["allow"] == "GET"
        assert "content-type" not in answer.headers


class TestPreflight:
    @pytest.mark.parametrize("name", ["xhr", "xhr_send", "xhr_streaming"])
    async def test_options(self, site: SockJSSite, name: str) -> None:
        await verify_options(site, f"/abc/abc/{name}", "OPTIONS, POST")


class TestJsessionidCookie:
    async def test_basic(self, tuned: SockJSSite) -> None:
        answer = await tuned.get("/info")
        assert json.loads(answer.body)["cookie_needed"] is True
        assert "set-cookie" not in answer.headers

    @pytest.mark.parametrize(
        ("method", "name"),
        [
            ("POST", "xhr"),
            ("POST", "xhr_streaming"),
            ("GET", "eventsource"),
            ("GET", "htmlfile?c=%63allback"),
            ("GET", "jsonp?c=%63allback"),
        ],
    )
    async def test_transports(self, tuned: SockJSSite, method: str, name: str) -> None:
        async with tuned.begin(method, f"{tuned.session()}/{name}") as response:
            assert response.status == 200
            assert response.headers["set-cookie"].startswith("JSESSIONID=dummy; path=/")

    async def test_echoed_back(self, tuned: SockJSSite) -> None:
        answer = await tuned.post(f"{tuned.session()}/xhr", cookie="JSESSIONID=abcdef")
        assert answer.headers["set-cookie"].startswith("JSESSIONID=abcdef; path=/")


def verify_not_cached(answer: Answer) -> None:
    assert re.fullmatch(
        "no-store, no-cache, (no-transform, )?must-revalidate, max-age=0",
        answer.headers["cache-control"],
    )
    assert not {"expires", "last-modified"} & answer.headers.keys()


async def verify_options(site: SockJSSite, path: str, methods: str) -> None:
    own = site.base.removesuffix("/sockjs")
    for headers in ({}, {"origin": own}):
        answer = await site.ask("OPTIONS", path, headers=headers)
        assert (answer.status, answer.body) == (204, "")
        assert re.search(f"public, {YEAR}", answer.headers["cache-control"])
        assert answer.headers["expires"]
        assert int(answer.headers["access-control-max-age"]) > 1_000_000
        assert answer.headers["access-control-allow-methods"] == methods
        assert answer.headers["access-control-allow-origin"] == headers.get("origin", "*")
    foreign = await site.ask("OPTIONS", path, headers={"origin": "https://evil.example"})
    assert "access-control-allow-origin" not in foreign.headers
