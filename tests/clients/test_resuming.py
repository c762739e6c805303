"""The browser client that comes with the package, in node, when its connection is cut."""

from __future__ import annotations

import asyncio

import psycopg
import pytest

from bookstore.models import Author, Book
from clients.third_party import ThirdPartyClient
from tools.tcp_proxy import TcpProxy

WAITING_FOR_A_LOCK = "SELECT count(*) FROM pg_locks WHERE NOT granted"


@pytest.fixture
async def proxy(server):
    async with TcpProxy("127.0.0.1", server.port) as proxy:
        yield proxy


@pytest.fixture
async def client(node_packages, proxy):
    async with ThirdPartyClient("dddp") as client:
        await client.connect(f"ws://127.0.0.1:{proxy.port}/websocket")
        yield client


@pytest.fixture
def ada(db_project):
    return Author.objects.create(name="Ada Okafor", email="ada@example.com")


def shown(ada):
    author = {"name": ada.name, "email": ada.email}
    books = {
        str(book.pk): {
            "title": book.title,
            "author_id": str(ada.pk),
            "pages": book.pages,
            "price": "0.00",
            "published": None,
        }
        for book in Book.objects.all()
    }
    return {"bookstore.author": {str(ada.pk): author}, "bookstore.book": books}


async def test_what_happened_meanwhile_follows(server, proxy, client, ada):
    book = Book.objects.create(title="Tides", author=ada, pages=1)
    other = await client.subscribe("BooksByAuthorEmail", ada.email)
    await client.subscribe("AllBooks")
    await client.shows(shown(ada))

    proxy.cut()
    await client.becomes("disconnected")
    Book.objects.filter(pk=book.pk).update(title="Ebb")
    Book.objects.create(title="Flood", author=ada, pages=2)
    await client.unsubscribe(other)
    proxy.restore()
    await client.becomes("resumed")
    await client.shows(shown(ada))
    await client.call("/schema")  # so that nothing is on its way

    proxy.drop()
    await client.becomes("disconnected")
    await client.becomes("resumed")
    Book.objects.filter(pk=book.pk).delete()
    await client.shows(shown(ada))
    # Nothing ever went and came back.
    sizes = [len(snapshot.get("bookstore.book", {})) for snapshot in client.snapshots]
    assert sorted(sizes[:-1]) == sizes[:-1]


async def test_a_call_that_runs_when_the_connection_is_cut_runs_once(
    server, proxy, client, ada, project_database
):
    await client.subscribe("AllBooks")
    params = {"title": "Tides", "author_id": str(ada.pk), "pages": 1, "price": "0"}
    async with await psycopg.AsyncConnection.connect(project_database) as connection:
        await connection.execute("SELECT FROM bookstore_author FOR UPDATE")
        call = asyncio.create_task(client.call("bookstore/add_book", params))
        while not (await (await connection.execute(WAITING_FOR_A_LOCK)).fetchone())[0]:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
        for _ in range(2):
            proxy.drop()
            await client.becomes("disconnected")
            await client.becomes("resumed")
        assert not call.done()
    assert await call == str(Book.objects.get().pk)
    await client.shows(shown(ada))


async def test_whatever_is_cut_it_ends_as_the_database(server, proxy, client, ada):
    await client.subscribe("AllBooks")
    for number in range(30):
        book = Book.objects.create(title=f"{number}", author=ada, pages=1)
        Book.objects.filter(pk__lt=book.pk, pages__lt=number).update(pages=number)
        if number % 3 == 0:
            proxy.drop()
        if number % 5 == 0:
            book.delete()
    await client.shows(shown(ada))
