"""The page of the sample bookstore in a real browser, served by the real command."""

from __future__ import annotations

import asyncio
import base64

import msgspec
import psycopg
from django.contrib.auth.models import User
from django.core.management import call_command
from playwright.async_api import expect

from bookstore.models import Author, Book


def row(page, book):
    return page.locator(f"#books [data-book-id='{book.pk}']")


def field(page, book, name):
    return row(page, book).locator(f"[data-field={name}]")


async def is_live(*pages):
    for page in pages:
        await expect(page.locator("#status")).to_have_attribute("data-status", "connected")


async def shows(page, *titles):
    """The titles of all rows, in order."""
    titles_of = "rows => rows.map(row => row.querySelector('[data-field=title]').value)"
    await page.wait_for_function(
        f"wanted => JSON.stringify(({titles_of})([...document.querySelectorAll('#books tr')]))"
        " === wanted",
        arg=msgspec.json.encode(titles).decode(),
    )


async def test_an_edit_in_one_window_shows_in_the_other(bookshop, open_window, authors, artifacts):
    here, there = await open_window(bookshop.url), await open_window(bookshop.url)
    book = Book.objects.get(title="Tides")
    await is_live(here, there)

    await field(here, book, "pages").fill("345")
    await field(here, book, "pages").press("Enter")
    for page in (here, there):
        await expect(field(page, book, "pages")).to_have_value("345")
    assert Book.objects.get(pk=book.pk).pages == 345

    await field(there, book, "title").fill("A tide")
    await field(there, book, "title").press("Enter")
    for page in (here, there):
        await shows(page, "A tide", "Dunes")
    await there.screenshot(path=artifacts / "edited.png")


async def test_books_are_added_and_deleted(bookshop, open_window, authors):
    here, there = await open_window(bookshop.url), await open_window(bookshop.url)
    form = here.locator("#add-book")
    await expect(form.locator("option")).to_have_count(2)

    await form.locator("[name=title]").fill("Estuaries")
    await form.locator("[name=author_id]").select_option(label="Bob Osei")
    await form.locator("button").click()
    for page in (here, there):
        await shows(page, "Dunes", "Estuaries", "Tides")
    book = Book.objects.get(title="Estuaries")
    await expect(field(there, book, "author")).to_have_text("Bob Osei")

    await row(there, book).locator("[data-action=delete]").click()
    for page in (here, there):
        await shows(page, "Dunes", "Tides")
    assert not Book.objects.filter(pk=book.pk).exists()


async def test_a_change_by_sql_shows(bookshop, open_window, authors, db_project):
    pages = [await open_window(bookshop.url), await open_window(bookshop.url)]
    await is_live(*pages)
    for page in pages:
        await shows(page, "Dunes", "Tides")

    with psycopg.connect(db_project, autocommit=True) as connection:
        connection.execute("UPDATE bookstore_book SET title = '<i>' || title, pages = 7")
    for page in pages:
        await shows(page, "<i>Dunes", "<i>Tides")
        await expect(page.locator("#books i")).to_have_count(0)
        assert await page.locator("#change-count").inner_text() == "2"


async def test_a_change_in_the_admin_shows(bookshop, open_window, authors):
    User.objects.create_superuser("admin", password="secret")
    pages = [await open_window(bookshop.url), await open_window(bookshop.url)]
    await is_live(*pages)
    book = Book.objects.get(title="Tides")

    admin = await open_window(f"{bookshop.url}admin/bookstore/book/{book.pk}/change/")
    await admin.locator("[name=username]").fill("admin")
    await admin.locator("[name=password]").fill("secret")
    await admin.locator("[type=submit]").click()
    await admin.locator("[name=price]").fill("99.10")
    await admin.locator("[name=_save]").click()
    for page in pages:
        await expect(field(page, book, "price")).to_have_value("99.10")


async def test_the_books_of_one_author(bookshop, open_window, authors):
    ada, bob = authors
    page = await open_window(bookshop.url)
    await shows(page, "Dunes", "Tides")

    await page.locator(f"[data-author-id='{bob.pk}'] a").click()
    await shows(page, "Dunes")
    Book.objects.filter(title="Tides").update(author=bob)
    await shows(page, "Dunes", "Tides")
    # Its address is what this page asks for.
    Author.objects.filter(pk=bob.pk).update(email="moved@example.com")
    await shows(page)
    Author.objects.filter(pk=ada.pk).update(email="bob+1@example.com")
    Book.objects.filter(title="Dunes").update(author=ada)
    await shows(page, "Dunes")

    await page.locator("#all-authors").click()
    await shows(page, "Dunes", "Tides")


async def test_what_the_server_refuses_is_said_and_undone(bookshop, open_window, authors):
    page = await open_window(bookshop.url)
    book = Book.objects.get(title="Tides")
    await field(page, book, "price").fill("-1")
    await field(page, book, "price").press("Enter")
    await expect(page.locator("#toast")).to_contain_text("price")
    await expect(field(page, book, "price")).to_have_value("12.50")


async def test_pages_come_back_after_a_restart_of_the_server(bookshop, open_window, authors):
    pages = [await open_window(bookshop.url), await open_window(bookshop.url)]
    await is_live(*pages)
    for page in pages:
        await shows(page, "Dunes", "Tides")

    await asyncio.to_thread(bookshop.stop)
    for page in pages:
        await expect(page.locator("#status")).not_to_have_attribute("data-status", "connected")
        # What was there stays on the screen.
        await shows(page, "Dunes", "Tides")
    Book.objects.filter(title="Tides").delete()
    Book.objects.create(title="Ebb", author=authors[0], pages=10)
    await asyncio.to_thread(bookshop.start)
    await is_live(*pages)
    for page in pages:
        await shows(page, "Dunes", "Ebb")
    Book.objects.filter(title="Ebb").update(title="Flood")
    for page in pages:
        await shows(page, "Dunes", "Flood")


async def test_picture_of_the_demo(bookshop, open_window, db_project, artifacts):
    """Two windows side by side: docs/images/demo.png is this picture."""
    call_command("load_bookstore", verbosity=0)
    pages = [await open_window(bookshop.url), await open_window(bookshop.url)]
    await is_live(*pages)
    for page in pages:
        await page.set_viewport_size({"width": 760, "height": 560})
    book = Book.objects.order_by("title")[1]
    await field(pages[0], book, "pages").fill("512")
    await field(pages[0], book, "pages").press("Enter")
    await expect(field(pages[1], book, "pages")).to_have_value("512")

    names = [artifacts / "left.png", artifacts / "right.png"]
    for page, name in zip(pages, names, strict=True):
        await page.screenshot(path=name)
    shot = await side_by_side(open_window, names)
    (artifacts / "demo.png").write_bytes(shot)
    assert shot.startswith(b"\x89PNG")


async def side_by_side(open_window, names):
    sources = [base64.b64encode(name.read_bytes()).decode() for name in names]
    images = "".join(
        f"<img src='data:image/png;base64,{source}' width=760"
        " style='border-radius: 10px; box-shadow: 0 4px 18px #0003'>"
        for source in sources
    )
    page = await open_window("about:blank")
    await page.set_viewport_size({"width": 1600, "height": 616})
    await page.set_content(
        f"<body style='margin: 0; padding: 28px; background: #e8e9ee; display: flex; gap: 24px'>"
        f"{images}"
    )
    return await page.screenshot()
