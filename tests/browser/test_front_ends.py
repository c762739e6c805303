"""The examples without Meteor: plain JavaScript on dddp/ddp.js, React on a client from npm."""

from __future__ import annotations

import os

import pytest
from django.contrib.staticfiles import finders
from playwright.async_api import expect

from bookstore.models import Book


@pytest.fixture
async def pages(bookshop, open_window, authors):
    """Both examples, each in a browser of its own."""
    if finders.find("bookstore/react.js") is None:
        what = "Run `npm ci && npm run build` in examples/bookstore/react to have it tested."
        (pytest.fail if os.environ.get("CI") else pytest.skip)(what)
    return [await open_window(f"{bookshop.url}{name}/") for name in ("plain", "react")]


async def show(pages, *books):
    for page in pages:
        await expect(page.locator("#books li > :first-child")).to_have_text(list(books))


async def add(page, title, pages):
    await page.fill("[name=title]", title)
    await page.fill("[name=pages]", pages)
    await page.click("#add-book button")


async def test_what_one_does_shows_in_the_other(bookshop, pages):
    await show(pages, "Dunes", "Tides")
    for page, title in zip(pages, ("Rains", "Winds"), strict=True):
        await page.select_option("[name=author_id]", label="Bob Osei")
        await add(page, title, "70")
    await show(pages, "Dunes", "Rains", "Tides", "Winds")
    for page in pages:
        await expect(page.locator("li", has_text="Rains")).to_contain_text("Bob Osei")

        await add(page, "Nothing", "0")
        await expect(page.locator("[role=alert]")).to_contain_text("pages:")

    for page, title in zip(pages, ("Dunes", "Tides"), strict=True):
        await page.locator("li", has_text=title).get_by_role("button").click()
    await show(pages, "Rains", "Winds")

    bookshop.stop()
    for page in pages:
        await expect(page.locator("#status")).not_to_have_text("connected")
    Book.objects.filter(title="Rains").update(title="Snow")
    bookshop.start()
    await show(pages, "Snow", "Winds")
    for page in pages:
        await expect(page.locator("#status")).to_have_text("connected")
