"""What clients nobody here wrote see of the bookstore."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys

import psycopg
import pytest

from bookstore.models import Author, Book
from clients.third_party import Refused

ADA = "ada@example.com"
SQL = "import psycopg, sys\npsycopg.connect(sys.argv[1], autocommit=True).execute(sys.argv[2])"


@pytest.fixture
def ada(db_project):
    author = Author.objects.create(name="Ada Okafor", email=ADA)
    Book.objects.create(title="Tides", author=author, pages=120, price="12.50")
    return author


@pytest.fixture
def bob(db_project):
    author = Author.objects.create(name="Bob Osei", email="bob@example.com")
    Book.objects.create(title="Not yours", author=author, pages=1)
    return author


def books_of(author):
    """What a subscriber of BooksByAuthorEmail has to have, read from the database."""
    books = {
        str(book.pk): {
            "title": book.title,
            "author_id": str(book.author_id),
            "pages": book.pages,
            "price": str(book.price),
            "published": book.published and book.published.isoformat(),
        }
        for book in Book.objects.filter(author=author)
    }
    authors = {str(author.pk): {"name": author.name, "email": author.email}}
    return {"bookstore.author": authors} | ({"bookstore.book": books} if books else {})


def sql(dsn, statement):
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute(statement)


async def sql_elsewhere(dsn, statement):
    """From another process."""
    command = [sys.executable, "-c", SQL, dsn, statement]
    await asyncio.to_thread(subprocess.run, command, check=True, env=os.environ)


async def test_sees_changes_made_with_the_orm(server, start_client, ada, bob):
    client = await start_client()
    await client.connect(server.ws_url)
    await client.subscribe("BooksByAuthorEmail", ADA)
    await client.shows(books_of(ada))

    book = Book.objects.create(title="Ebb", author=ada, pages=90, published="2024-02-29")
    await client.shows(books_of(ada))
    book.title = "Ebb & flood — 潮"
    book.published = None
    book.save()
    await client.shows(books_of(ada))
    Book.objects.filter(author=bob).update(pages=2)
    Book.objects.filter(author=ada).update(pages=7)
    await client.shows(books_of(ada))
    Book.objects.filter(pk=book.pk).update(author=bob)
    await client.shows(books_of(ada))
    Book.objects.bulk_create(Book(title=f"{n}", author=ada, pages=n) for n in range(1, 4))
    await client.shows(books_of(ada))
    Book.objects.filter(author=ada).delete()
    await client.shows(books_of(ada))


async def test_sees_changes_made_with_sql_by_another_process(
    server, start_client, ada, bob, db_project
):
    client = await start_client()
    await client.connect(server.ws_url)
    await client.subscribe("BooksByAuthorEmail", ADA)
    await client.shows(books_of(ada))

    await sql_elsewhere(
        db_project,
        "INSERT INTO bookstore_book (title, author_id, pages, price)"
        f" VALUES ('By SQL', {ada.pk}, 11, 1), ('Other', {bob.pk}, 12, 2)",
    )
    await client.shows(books_of(ada))
    sql(db_project, "UPDATE bookstore_book SET pages = pages + 1, title = upper(title)")
    await client.shows(books_of(ada))
    await sql_elsewhere(db_project, "DELETE FROM bookstore_book WHERE title = 'BY SQL'")
    await client.shows(books_of(ada))
    sql(db_project, "TRUNCATE bookstore_book CASCADE")
    await client.shows(books_of(ada))


async def test_follows_a_change_of_what_the_subscription_asks_for(server, start_client, ada, bob):
    client = await start_client()
    await client.connect(server.ws_url)
    await client.subscribe("BooksByAuthorEmail", ADA)
    await client.shows(books_of(ada))

    Author.objects.filter(pk=ada.pk).update(email="moved@example.com")
    await client.shows({})
    Author.objects.filter(pk=bob.pk).update(email=ADA)
    bob.refresh_from_db()
    await client.shows(books_of(bob))


async def test_sees_nothing_after_unsubscribing(server, start_client, ada):
    client = await start_client()
    await client.connect(server.ws_url)
    handle = await client.subscribe("BooksByAuthorEmail", ADA)
    await client.shows(books_of(ada))

    await client.unsubscribe(handle)
    await client.shows({})
    Book.objects.update(pages=500)
    # Its answer comes after all that was sent before.
    book = Book.objects.get()
    await client.call("bookstore/set_pages", str(book.pk), 501)
    assert client.snapshot == {}
    await client.subscribe("BooksByAuthorEmail", ADA)
    await client.shows(books_of(ada))


async def test_calls_methods(server, start_client, ada):
    client = await start_client()
    await client.connect(server.ws_url)
    await client.subscribe("BooksByAuthorEmail", ADA)
    values = {"title": "Called", "author_id": str(ada.pk), "pages": 3, "price": "1.25"}

    new = await client.call("bookstore/add_book", values)
    assert new == str(Book.objects.get(title="Called").pk)
    # The writes of a method arrive before its answer.
    assert client.snapshot == books_of(ada)
    assert await client.call("bookstore/delete_book", new) is None
    assert client.snapshot == books_of(ada)


async def test_is_told_what_the_server_refuses(server, start_client, ada):
    client = await start_client()
    await client.connect(server.ws_url)

    with pytest.raises(Refused) as refused:
        await client.subscribe("NoSuchPublication")
    assert refused.value.error == 404
    with pytest.raises(Refused) as refused:
        await client.call("bookstore/delete_book", "999999")
    assert (refused.value.error, refused.value.reason) == (
        "not-found",
        "There is no such book any more.",
    )
    await client.subscribe("BooksByAuthorEmail", ADA)
    await client.shows(books_of(ada))


async def test_gets_its_documents_back_after_a_restart_of_the_server(
    start_server, start_client, ada, bob
):
    server = start_server()
    client = await start_client()
    await client.connect(server.ws_url)
    await client.subscribe("BooksByAuthorEmail", ADA)
    await client.shows(books_of(ada))

    await asyncio.to_thread(server.stop)
    await client.becomes("disconnected")
    Book.objects.filter(author=ada).update(title="Changed meanwhile")
    gone = Book.objects.create(title="Born meanwhile", author=ada, pages=1)
    await asyncio.to_thread(server.start)
    await client.becomes("connected")
    await client.shows(books_of(ada))
    gone.delete()
    await client.shows(books_of(ada))
