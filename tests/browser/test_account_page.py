"""Signing up, logging in and out on the page of the sample bookstore, in a real browser."""

from __future__ import annotations

import pytest
from django.contrib.auth.hashers import make_password
from django.contrib.auth.models import User
from django.core.management import call_command
from playwright.async_api import expect

from bookstore.models import Book, Wish

PASSWORD = "forty-two swallows"


@pytest.fixture
def grace(db_project):
    return User.objects.create_user("grace", password=PASSWORD)


async def enter(page, button, username="grace", password=PASSWORD):
    """Fill in the card and press one of its buttons."""
    if not await page.locator("#account-card").is_visible():
        await page.locator("#account").click()
    await page.locator("#log-in [name=username]").fill(username)
    await page.locator("#log-in [name=password]").fill(password)
    await page.locator(f"#log-in [name={button}]").click()


async def press(page, button):
    await page.locator("#account").click()
    await page.locator(f"#logged-in [name={button}]").click()
    await expect(page.locator("#account-card")).to_be_hidden()


async def is_user(page, username):
    """ "": nobody has logged in."""
    await expect(page.locator("#account")).to_have_text(username or "Log in")
    hearts = page.locator("[data-action=wish]:visible")
    await expect(hearts).to_have_count(await page.locator("#books tr").count() if username else 0)


def heart(page, book):
    return page.locator(f"[data-book-id='{book.pk}'] [data-action=wish]")


async def is_wanted(page, book, wanted=True):
    await expect(heart(page, book)).to_have_attribute("aria-pressed", str(wanted).lower())


async def has_books(page):
    await expect(page.locator("#books tr")).to_have_count(2)


async def test_sign_up_and_keep_a_list_of_wishes(bookshop, open_window, authors):
    book = Book.objects.get(title="Tides")
    here = await open_window(bookshop.url)
    await has_books(here)
    await is_user(here, "")
    await enter(here, "sign-up")
    await is_user(here, "grace")
    await heart(here, book).click()
    await is_wanted(here, book)
    assert Wish.objects.get().user.username == "grace"

    there = await open_window(bookshop.url)
    await has_books(there)
    await enter(there, "log-in")
    await is_user(there, "grace")
    await is_wanted(there, book)
    await heart(there, book).click()
    await is_wanted(here, book, False)

    await press(here, "log-out")
    await is_user(here, "")
    await is_user(there, "grace")


async def test_wishes_are_seen_by_their_user_only(bookshop, open_window, authors, grace):
    book = Book.objects.get(title="Tides")
    Wish.objects.create(user=User.objects.create_user("bob", password=PASSWORD), book=book)
    page = await open_window(bookshop.url)
    await has_books(page)
    await enter(page, "log-in")
    await is_user(page, "grace")
    await is_wanted(page, book, False)
    await press(page, "log-out")
    await enter(page, "log-in", "bob")
    await is_user(page, "bob")
    await is_wanted(page, book)


async def test_a_login_survives_a_reload_and_a_restart(bookshop, open_window, authors, grace):
    page = await open_window(bookshop.url)
    await has_books(page)
    await enter(page, "log-in")
    await is_user(page, "grace")
    await page.reload()
    await has_books(page)
    await is_user(page, "grace")

    bookshop.stop()
    await expect(page.locator("#status")).not_to_have_attribute("data-status", "connected")
    Wish.objects.create(user=grace, book=Book.objects.get(title="Tides"))
    bookshop.start()
    await is_wanted(page, Book.objects.get(title="Tides"))
    await is_user(page, "grace")


async def test_other_devices_are_logged_out(bookshop, open_window, authors, grace):
    here, there = await open_window(bookshop.url), await open_window(bookshop.url)
    for page in (here, there):
        await has_books(page)
        await enter(page, "log-in")
        await is_user(page, "grace")

    await press(here, "log-out-others")
    await is_user(there, "")
    await expect(there.locator("#log-in .problem")).to_contain_text("logged out by the server")
    await is_user(here, "grace")
    await here.reload()
    await has_books(here)
    await is_user(here, "grace")
    await there.reload()
    await has_books(there)
    await is_user(there, "")


async def test_tabs_of_one_browser_follow(bookshop, open_window, authors, grace):
    first = await open_window(bookshop.url)
    second = await first.context.new_page()
    await second.goto(bookshop.url)
    for page in (first, second):
        await has_books(page)
    await enter(first, "log-in")
    for page in (first, second):
        await is_user(page, "grace")
    await press(second, "log-out")
    for page in (first, second):
        await is_user(page, "")


async def test_what_is_refused_is_said(bookshop, open_window, authors, grace):
    page = await open_window(bookshop.url)
    await has_books(page)
    await enter(page, "log-in", password="wrong")
    await expect(page.locator("#log-in .problem")).to_contain_text("check your credentials")
    await enter(page, "sign-up")
    await expect(page.locator("#log-in .problem")).to_contain_text("check your credentials")
    await is_user(page, "")


async def test_a_user_made_in_the_admin_logs_in(bookshop, open_window, authors):
    User.objects.create_superuser("admin", password=PASSWORD)
    admin = await open_window(f"{bookshop.url}admin/auth/user/add/")
    await admin.locator("[name=username]").fill("admin")
    await admin.locator("[name=password]").fill(PASSWORD)
    await admin.locator("[type=submit]").click()
    await admin.locator("[name=username]").fill("grace")
    for name in ("password1", "password2"):
        await admin.locator(f"[name={name}]").fill(PASSWORD)
    await admin.locator("[name=_save]").click()
    await expect(admin.locator(".success")).to_be_visible()

    page = await open_window(bookshop.url)
    await has_books(page)
    await enter(page, "log-in")
    await is_user(page, "grace")


async def test_a_user_of_before_logs_in(bookshop, open_window, authors):
    """Whose stored password no digest can be compared with: the page sends the password."""
    User.objects.create(username="grace", password=make_password(PASSWORD, hasher="md5"))
    page = await open_window(bookshop.url)
    await has_books(page)
    await enter(page, "log-in")
    await is_user(page, "grace")
    assert User.objects.get().password.startswith("sha256_digest$")


async def test_pictures_of_the_card(bookshop, open_window, db_project, grace, artifacts):
    call_command("load_bookstore", verbosity=0)
    Wish.objects.create(user=grace, book=Book.objects.order_by("title")[1])
    page = await open_window(bookshop.url)
    await expect(page.locator("#books tr")).to_have_count(60)
    await page.locator("#account").click()
    await page.screenshot(path=artifacts / "log-in.png")
    await enter(page, "log-in")
    await is_user(page, "grace")
    await page.locator("#account").click()
    await expect(page.locator("#logged-in [data-field=wishes]")).to_have_text("1")
    await page.screenshot(path=artifacts / "logged-in.png")
    await page.set_viewport_size({"width": 400, "height": 760})
    await page.screenshot(path=artifacts / "logged-in-narrow.png")
