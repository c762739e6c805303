"""sockjs-client in Chromium, each of its transports forced in turn.

The page is of another site than the server, but where a transport is for the same site only.
htmlfile was made for Internet Explorer, whose ActiveX object nobody can test any more; the client's
other way, an iframe, is what is seen here.
"""

from __future__ import annotations

import os
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest
from playwright.async_api import Browser, Page

from dddp.testing.client import DDPClient
from tools.serving import Server, Watched
from zoo.models import Keyed

HERE = Path(__file__).parent
LIBRARY = HERE.parent / "clients/node_modules/sockjs-client/dist/sockjs.min.js"
PAGE = b'<!doctype html><title>SockJS</title><script src="/sockjs.js"></script>'

TRANSPORTS = {
    "websocket": "sockjs-websocket",
    "xhr-streaming": "xhr-streaming",
    "xhr-polling": "xhr-polling",
    "eventsource": "eventsource",
    "iframe-eventsource": "eventsource",
    "iframe-htmlfile": "htmlfile",
    "htmlfile": "htmlfile",
    "iframe-xhr-polling": "xhr-polling",
    "jsonp-polling": "jsonp-polling",
}
"""The client's name for it -> the server's."""

SAME_SITE = {"htmlfile"}
LATE_SCRIPT = re.compile(r"_jp\.\w+ is not a function")
TEXTS = ["5 % %41 %zz", "\u2028\u200d\uffff\x00", "é🎈", "</script>", "0123456789é" * 15_000]


class OtherSite(BaseHTTPRequestHandler):
    """A site with a page, and with sockjs-client for everybody."""

    def do_GET(self) -> None:
        script = self.path == "/sockjs.js"
        body = LIBRARY.read_bytes() if script else PAGE
        self.send_response(200)
        self.send_header("Content-Type", "text/javascript" if script else "text/html")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture(scope="module")
def other_site() -> Iterator[str]:
    """Its origin."""
    if not LIBRARY.exists():
        what = "sockjs-client is not installed: run `npm ci` in tests/clients."
        (pytest.fail if os.environ.get("CI") else pytest.skip)(what)
    with ThreadingHTTPServer(("127.0.0.1", 0), OtherSite) as site:
        thread = Thread(target=site.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{site.server_port}"
        site.shutdown()
        thread.join()


@pytest.fixture(scope="module")
def running(project_database: str, log_directory: Path, other_site: str) -> Iterator[Server]:
    settings = {
        "DDP_SOCKJS_URL": f"{other_site}/sockjs.js",
        # A script that is being loaded cannot be given up: of who leaves jsonp, these tell.
        "DDP_SOCKJS_HEARTBEAT_DELAY": 1,
        "DDP_SOCKJS_DISCONNECT_DELAY": 3,
        "DDP_ALLOWED_ORIGINS": [other_site],
    }
    with Server(log_directory, settings=settings).running() as server:
        yield server


@pytest.fixture
def server(db_project: str, running: Server) -> Iterator[Watched]:
    watched = Watched(running)
    yield watched
    watched.check()


@pytest.fixture(params=TRANSPORTS)
def transport(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
async def page(
    browser: Browser, server: Watched, transport: str, other_site: str
) -> AsyncIterator[Page]:
    page = await browser.new_page()
    problems: list[str] = []
    page.on("pageerror", lambda error: problems.append(f"{error}"))
    same_site = f"{server.url}sockjs/iframe.html"
    await page.goto(same_site if transport in SAME_SITE else other_site)
    await page.add_script_tag(path=HERE / "sockjs_peer.js")
    yield page
    # A script of jsonp that comes when the client has closed finds its callback gone.
    assert [each for each in problems if not LATE_SCRIPT.fullmatch(each)] == []
    await page.close()


@pytest.fixture
async def connect(page: Page, server: Watched, transport: str) -> Callable[[], Awaitable[None]]:
    """`await connect()` makes a new `peer` in the page."""

    async def connect() -> None:
        await page.evaluate(
            "([url, transport]) => { window.peer = new Peer(url, transport); }",
            [f"{server.url}sockjs", transport],
        )
        await page.evaluate("peer.connected()")

    return connect


async def test_a_life(
    server: Watched,
    page: Page,
    transport: str,
    connect: Callable[[], Awaitable[None]],
    ddp: Callable[..., Awaitable[DDPClient]],
) -> None:
    await connect()
    seen = await page.evaluate("peer.call('wire/connection')")
    assert seen["transport"] == TRANSPORTS[transport]
    assert await page.evaluate("texts => peer.call('wire/echo', ...texts)", TEXTS) == TEXTS
    await page.evaluate("peer.subscribe('AllKeyed')")
    Keyed.objects.create(key="live", value="é")
    added = await page.evaluate("peer.until(({ id }) => id === 'live')")
    assert added["fields"] == {"value": "é"}
    Keyed.objects.bulk_create(Keyed(key=f"{n}", value="é" * 300) for n in range(1000))
    for key in ("0", "999"):
        await page.evaluate("key => peer.until(({ id }) => id === key)", key)
    assert await page.evaluate("peer.messages.filter(({ msg }) => msg === 'added').length") == 1001

    await page.evaluate("peer.send({ msg: 'method', method: 'wire/close', id: 'x' })")
    assert await page.evaluate("peer.end()") == [1000, "Normal closure"]

    Keyed.objects.all().delete()
    other = await ddp(server.ws_url)
    await other.subscribe("AllKeyed")
    await connect()
    await page.evaluate("peer.call('wire/put_while_connected', 'here')")
    await other.wait_for(lambda: other.collections["zoo.keyed"])
    await page.evaluate("peer.socket.close(3001, 'Enough')")
    assert await page.evaluate("peer.end()") == [3001, "Enough"]
    await other.wait_for(lambda: not other.collections["zoo.keyed"])


async def test_not_in_a_page_that_may_not_connect(browser: Browser, server: Watched) -> None:
    page = await browser.new_page()
    # The same server by another name is another site.
    await page.goto(f"{server.url.replace('127.0.0.1', 'localhost')}sockjs")
    async with page.expect_console_message(lambda said: "frame-ancestors" in said.text):
        await page.evaluate(
            "url => { const frame = document.createElement('iframe');"
            " frame.src = url; document.body.append(frame); }",
            f"{server.url}sockjs/iframe.html",
        )
    await page.close()
