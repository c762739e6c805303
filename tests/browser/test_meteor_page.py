"""A Meteor app's page in a real browser, served by the real command."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from playwright.async_api import expect

from bookstore.models import Book
from tools.meteor_bundle import App

HERE = Path(__file__).parent
SOCKJS = HERE.parent / "clients" / "node_modules" / "sockjs-client" / "dist" / "sockjs.min.js"
RED, BLUE = "rgb(255, 0, 0)", "rgb(0, 0, 255)"


@pytest.fixture
def app():
    if not SOCKJS.exists():
        what = f"The Meteor page is not tested: run `npm ci` in {HERE.parent / 'clients'}."
        (pytest.fail if os.environ.get("CI") else pytest.skip)(what)
    script = (HERE / "meteor" / "app.js").read_text()
    return App(js=f"{SOCKJS.read_text()}\n{script}", css=f"#shop {{ color: {RED}; }}")


@pytest.fixture
def start_shop(start_server, app, tmp_path):
    """`start_shop(DDP_...=...)`: a server of the app."""

    def start(**settings):
        folder = app.write(tmp_path)
        return start_server(settings={"DDP_METEOR_BUNDLE": str(folder), **settings})

    return start


async def has(page, **attributes):
    """Wait until the script of the page has told so."""
    for name, value in attributes.items():
        await expect(page.locator("html")).to_have_attribute(f"data-{name}", value)


async def shows(page, *titles):
    await expect(page.locator("#shop p")).to_have_text(list(titles))


async def test_it_boots_and_is_live(start_shop, open_window, authors):
    shop = start_shop()
    page = await open_window(f"{shop.url}shop/books/17")
    await has(page, early="web.browser", services="ready", versions="ready", books="ready")
    await has(page, dialog="a dialog", checked="1", loads="1")
    await expect(page.locator("#shop")).to_have_css("color", RED)
    await shows(page, "Dunes", "Tides")
    Book.objects.create(title="Winds", author=authors[0], pages=1, price=1)
    await shows(page, "Dunes", "Tides", "Winds")


async def test_a_policy_without_inline_scripts(start_shop, open_window, authors):
    shop = start_shop(DDP_METEOR_INLINE_SCRIPTS=False)
    page = await open_window("about:blank")
    policy = "script-src 'self' 'unsafe-eval'"  # for dynamic imports, as in Meteor

    async def strict(route):
        response = await route.fetch()
        headers = {**response.headers, "content-security-policy": policy}
        await route.fulfill(response=response, headers=headers)

    await page.route(f"{shop.url}shop/", strict)
    await page.goto(f"{shop.url}shop/")
    await has(page, books="ready", loads="1")
    config = await page.evaluate("__meteor_runtime_config__")
    assert config["ROOT_URL"] == f"{shop.url}shop/"
    assert config["DDP_DEFAULT_CONNECTION_URL"] == shop.url


async def test_a_new_version_reloads_once_and_stylesheets_are_swapped(
    start_shop, open_window, app, authors, tmp_path
):
    shop = start_shop()
    page = await open_window(f"{shop.url}shop/")
    await has(page, checked="1", loads="1")

    app.head = "<title>Renovated</title>"
    app.write(tmp_path)
    shop.stop()
    shop.start()
    await expect(page).to_have_title("Renovated")
    await has(page, checked="1", loads="2")

    shop.stop()
    shop.start()
    await has(page, checked="2", loads="2")
    await shows(page, "Dunes", "Tides")

    app.css = f"#shop {{ color: {BLUE}; }}"
    app.write(tmp_path)
    shop.stop()
    shop.start()
    await has(page, checked="3", loads="2")
    await expect(page.locator("#shop")).to_have_css("color", BLUE)
    await expect(page.locator("link.__meteor-css__")).to_have_count(1)


async def test_a_page_of_another_server_never_reloads(start_shop, open_window, app, authors):
    """What Meteor's server has made, with DDP_DEFAULT_CONNECTION_URL."""
    shop = start_shop(DDP_METEOR_BUNDLE=None)
    config = {
        "DDP_DEFAULT_CONNECTION_URL": shop.url,
        "ROOT_URL_PATH_PREFIX": "",
        "isModern": True,
        "autoupdate": {"versions": {"web.browser": {"versionNonRefreshable": "another's"}}},
    }
    page = await open_window("about:blank")
    content = f"""<main id="shop"></main>
        <script>__meteor_runtime_config__ = {json.dumps(config)}</script>
        <script>{app.js}</script>"""
    await page.route(
        f"{shop.url}elsewhere/",
        lambda route: route.fulfill(body=content, content_type="text/html"),
    )
    await page.goto(f"{shop.url}elsewhere/")
    await has(page, services="ready", versions="ready", books="ready", loads="1")
    await shows(page, "Dunes", "Tides")
