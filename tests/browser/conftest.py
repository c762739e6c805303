from __future__ import annotations

import os
import re
import shutil
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest
from playwright.async_api import Browser, ConsoleMessage, Page, async_playwright, expect

ARTIFACTS = Path(__file__).parents[2] / "artifacts" / "browser"
PROGRAMS = ["chromium", "chromium-browser", "google-chrome"]
OPTIONS = [
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
MILLISECONDS = 30_000
NO_SERVER = re.compile("WebSocket connection to .* failed|net::ERR_CONNECTION_REFUSED")


@pytest.fixture(scope="session")
def chromium() -> str:
    """The browser's program. `make test` sets it up."""
    found = os.environ.get("DDDP_CHROMIUM") or next(filter(None, map(shutil.which, PROGRAMS)), None)
    if found is None:
        what = "The demo page is not tested in a browser: run `apt-get install chromium`."
        if os.environ.get("CI"):
            pytest.fail(what)
        pytest.skip(what)
    return found


@pytest.fixture
async def browser(chromium: str) -> AsyncIterator[Browser]:
    expect.set_options(timeout=MILLISECONDS)
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(
            executable_path=chromium,
            # Chromium refuses to run as root with its sandbox.
            chromium_sandbox=os.geteuid() != 0,
            args=OPTIONS,
        )
        yield browser
        await browser.close()


class Window:
    """A page in a browser profile of its own, and what went wrong in it."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.problems: list[str] = []
        page.on("console", self._listen)
        page.on("pageerror", lambda error: self.problems.append(f"{error}"))

    def _listen(self, message: ConsoleMessage) -> None:
        # A browser logs each connection that is refused, and asks sites for an icon.
        passing = NO_SERVER.search(message.text) or message.location["url"].endswith("favicon.ico")
        if message.type in {"error", "warning"} and not passing:
            self.problems.append(message.text)


@pytest.fixture
async def open_window(browser: Browser) -> AsyncIterator[Callable[[str], Awaitable[Page]]]:
    """`await open_window(url)`: one more user's page. Errors in its console fail the test."""
    windows: list[Window] = []

    async def open_one(url: str) -> Page:
        context = await browser.new_context(viewport={"width": 1000, "height": 760})
        context.set_default_timeout(MILLISECONDS)
        windows.append(Window(await context.new_page()))
        page = windows[-1].page
        await page.goto(url)
        return page

    yield open_one
    assert [problem for window in windows for problem in window.problems] == []


@pytest.fixture
def bookshop(start_server):
    """A server of static files, too, where people may sign up: as `make demo` has it."""
    settings = {"DDP_ACCOUNTS_SIGNUP": True, "DDP_ACCOUNTS_NEW_PASSWORDS_AS_DIGEST": False}
    return start_server(env={"DJANGO_DEBUG": "1"}, settings=settings)


@pytest.fixture
def authors(db_project):
    from bookstore.models import Author, Book  # Django is not set up when this file is read

    ada = Author.objects.create(name="Ada Okafor", email="ada@example.com")
    bob = Author.objects.create(name="Bob Osei", email="bob+1@example.com")
    Book.objects.create(title="Tides", author=ada, pages=120, price="12.50")
    Book.objects.create(title="Dunes", author=bob, pages=80, price="7.00", published="2021-03-04")
    return ada, bob


@pytest.fixture
def artifacts() -> Path:
    """Where screenshots are left for people to look at."""
    ARTIFACTS.mkdir(parents=True, exist_ok=True)
    return ARTIFACTS
