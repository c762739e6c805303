"""Clients nobody here wrote log in, with the plain password or with a digest of it."""

from __future__ import annotations

import asyncio

import pytest
from django.contrib.auth.models import User

from bookstore.models import Author, Book, Wish
from clients.third_party import Refused

PASSWORD = "forty-two swallows"
AMBIGUOUS = "Something went wrong. Please check your credentials."
all_clients = pytest.mark.parametrize(
    "start_client", ["simpleddp", "asteroid", "meteorrn"], indirect=True
)
meteorrn = pytest.mark.parametrize("start_client", ["meteorrn"], indirect=True)


@pytest.fixture
def ada(db_project):
    return User.objects.create_user("ada", "ada@example.com", PASSWORD, first_name="Ada")


@pytest.fixture
def wish(ada):
    """One of ada's, and one of somebody else's."""
    author = Author.objects.create(name="Bob Osei", email="bob@example.com")
    book = Book.objects.create(title="Tides", author=author, pages=120)
    Wish.objects.create(user=User.objects.create_user("bob"), book=book)
    return Wish.objects.create(user=ada, book=book)


@pytest.fixture
def open_server(start_server):
    """A server where anybody may sign up."""
    return start_server(settings={"DDP_ACCOUNTS_SIGNUP": True})


def seen_by(user):
    """What a subscriber of MyWishes has who is logged in as this user."""
    emails = [{"address": user.email, "verified": False}] if user.email else []
    document = {
        "username": user.username,
        "emails": emails,
        "profile": {"first_name": user.first_name, "last_name": "", "name": user.first_name},
        "permissions": [],
        "createdAt": {"$date": int(user.date_joined.timestamp() * 1000)},
    }
    wishes = {str(wish.pk): {"book_id": str(wish.book_id)} for wish in user.wishes.all()}
    return {"users": {str(user.pk): document}} | ({"bookstore.wish": wishes} if wishes else {})


async def connected(client, server):
    await client.connect(server.ws_url)
    await client.subscribe("MyWishes")
    return client


@all_clients
async def test_log_in_see_what_is_theirs_and_log_out(server, start_client, ada, wish):
    client = await connected(await start_client(), server)
    assert client.snapshot == {}
    await client.account("login", "ada", PASSWORD)
    # What belongs to a login arrives before its answer.
    assert client.snapshot == seen_by(ada)
    assert await client.account("userId") == str(ada.pk)
    Wish.objects.filter(pk=wish.pk).delete()
    await client.shows(seen_by(ada))

    await client.account("logout")
    await client.shows({})
    assert await client.account("userId") is None


@all_clients
async def test_are_told_that_a_password_is_wrong(server, start_client, ada):
    client = await connected(await start_client(), server)
    for name, password in [("ada", "another"), ("nobody", PASSWORD)]:
        with pytest.raises(Refused) as refused:
            await client.account("login", name, password)
        assert (refused.value.error, refused.value.reason) == (403, AMBIGUOUS)
    assert client.snapshot == {}


@all_clients
async def test_are_logged_in_again_after_a_restart_of_the_server(
    start_server, start_client, ada, wish
):
    server = start_server()
    client = await connected(await start_client(), server)
    await client.account("login", "ada", PASSWORD)
    await asyncio.to_thread(server.stop)
    await client.becomes("disconnected")
    Wish.objects.create(user=ada, book=Book.objects.create(title="Ebb", author_id=1, pages=1))
    await asyncio.to_thread(server.start)
    await client.becomes("connected")
    await client.shows(seen_by(ada))
    assert await client.account("userId") == str(ada.pk)


@meteorrn
async def test_sign_up_and_change_the_password(open_server, start_client, db_project):
    here = await connected(await start_client(), open_server)
    await here.account("createUser", "grace", PASSWORD)
    grace = User.objects.get(username="grace")
    await here.shows(seen_by(grace))
    there = await connected(await start_client(), open_server)
    await there.account("login", "grace", PASSWORD)
    await there.shows(seen_by(grace))

    with pytest.raises(Refused, match=AMBIGUOUS):
        await here.account("changePassword", "wrong", "sixty robins")
    await here.account("changePassword", PASSWORD, "sixty robins")
    await there.shows({})
    assert here.snapshot == seen_by(grace)
    with pytest.raises(Refused, match=AMBIGUOUS):
        await there.account("login", "grace", PASSWORD)
    await there.account("login", "grace", "sixty robins")
    await there.shows(seen_by(grace))
    grace.refresh_from_db()
    assert grace.check_password("sixty robins"), "in a form, too"


@meteorrn
async def test_log_out_elsewhere(server, start_client, ada):
    here = await connected(await start_client(), server)
    there = await connected(await start_client(), server)
    for client in (here, there):
        await client.account("login", "ada", PASSWORD)
    await here.account("logoutOtherClients")
    await there.shows({})
    assert here.snapshot == seen_by(ada)


@pytest.mark.parametrize("start_client", ["asteroid"], indirect=True)
async def test_asteroid_signs_up_in_a_way_of_its_own(open_server, start_client, db_project):
    """It sends {user: {username}}, not {username}: the method itself has to be called."""
    client = await connected(await start_client(), open_server)
    with pytest.raises(Refused) as refused:
        await client.account("createUser", "grace", PASSWORD)
    assert (refused.value.error, refused.value.reason) == (400, "Match failed")
    await client.call("createUser", {"username": "grace", "password": PASSWORD})
    await client.shows(seen_by(User.objects.get()))
