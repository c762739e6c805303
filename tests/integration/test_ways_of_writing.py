"""Every way of writing reaches every client of every server, once committed and not before."""

import subprocess

import psycopg
import pytest
from django.db import connection, transaction

from bookstore.models import Author, Book
from dddp.testing.binaries import find_binaries

COLUMNS = ("title", "author_id", "pages", "price")


@pytest.fixture
def authors(db_project):
    return [
        Author.objects.create(name="Jane", email="jane@example.com"),
        Author.objects.create(name="James", email="james@example.com"),
    ]


@pytest.fixture
def books(authors):
    jane, james = authors
    return [
        Book.objects.create(title="Emma", author=jane, pages=400, price="9.50"),
        Book.objects.create(title="Persuasion", author=jane, pages=200),
        Book.objects.create(title="Ulysses", author=james, pages=700),
    ]


def in_database(**filters):
    return {
        str(book.pk): {
            "title": book.title,
            "author_id": str(book.author_id),
            "pages": book.pages,
            "price": format(book.price, ".2f"),
        }
        for book in Book.objects.filter(**filters)
    }


def on_client(client):
    return {
        key: {name: fields[name] for name in COLUMNS}
        for key, fields in client.collections["bookstore.book"].items()
    }


def save(books, dsn):
    books[0].title = "Emma, revised"
    books[0].save()


def save_one_field(books, dsn):
    books[0].title, books[0].pages = "not saved", 401
    books[0].save(update_fields=["pages"])


def delete(books, dsn):
    books[0].delete()


def delete_author(books, dsn):
    books[0].author.delete()


def update(books, dsn):
    Book.objects.filter(pages__gt=300).update(pages=1)


def update_to_another_author(books, dsn):
    Book.objects.filter(title="Emma").update(author=books[2].author)


def queryset_delete(books, dsn):
    Book.objects.filter(pages__gt=300).delete()


def bulk_create(books, dsn):
    Book.objects.bulk_create(
        Book(title=f"B{number}", author=books[0].author, pages=number + 1) for number in range(50)
    )


def bulk_update(books, dsn):
    for book in books:
        book.pages += 1
    Book.objects.bulk_update(books, ["pages"])


def upsert(books, dsn):
    Book.objects.bulk_create(
        [Book(pk=books[0].pk, title="Upserted", author=books[0].author, pages=5)],
        update_conflicts=True,
        unique_fields=["id"],
        update_fields=["title", "pages"],
    )


def raw_sql(books, dsn):
    with connection.cursor() as cursor:
        cursor.execute("UPDATE bookstore_book SET price = price + 1.25")


def primary_key(books, dsn):
    with connection.cursor() as cursor:
        cursor.execute("UPDATE bookstore_book SET id = id + 1000")


def another_program(books, dsn):
    with psycopg.connect(dsn) as other:
        other.execute("DELETE FROM bookstore_book WHERE title = 'Emma'")
        with other.cursor().copy(
            "COPY bookstore_book (title, author_id, pages, price) FROM STDIN"
        ) as copy:
            copy.write_row(("Copied", books[0].author_id, 3, "1.00"))


def psql(books, dsn):
    command = [find_binaries() / "psql", dsn, "-qc", "UPDATE bookstore_book SET pages = 12"]
    subprocess.run(command, check=True)


def truncate(books, dsn):
    with connection.cursor() as cursor:
        cursor.execute("TRUNCATE bookstore_book CASCADE")


def several_statements(books, dsn):
    with transaction.atomic():
        for pages in range(1, 6):
            Book.objects.filter(pk=books[0].pk).update(pages=pages)
        born = Book.objects.create(title="Born", author=books[0].author, pages=1)
        Book.objects.filter(pk=born.pk).update(pages=2)
        born.delete()


def partly_rolled_back(books, dsn):
    with transaction.atomic():
        books[0].pages = 1
        books[0].save()
        try:
            with transaction.atomic():
                Book.objects.all().delete()
                raise ZeroDivisionError
        except ZeroDivisionError:
            pass
        Book.objects.filter(title="Ulysses").update(pages=2)


def larger_than_a_notification(books, dsn):
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE bookstore_book ALTER title TYPE text")
    Book.objects.filter(title="Emma").update(title="ñ𝒳" * 30_000)


def more_rows_than_are_notified(books, dsn):
    Book.objects.bulk_create(
        Book(title=f"B{number}", author=books[0].author, pages=1) for number in range(1500)
    )


WAYS = [
    save,
    save_one_field,
    delete,
    delete_author,
    update,
    update_to_another_author,
    queryset_delete,
    bulk_create,
    bulk_update,
    upsert,
    raw_sql,
    primary_key,
    another_program,
    psql,
    truncate,
    several_statements,
    partly_rolled_back,
    larger_than_a_notification,
    more_rows_than_are_notified,
]


@pytest.mark.parametrize("write", WAYS, ids=lambda write: write.__name__)
async def test_a_write_arrives(server, ddp, books, db_project, write):
    everything, hers, new = await ddp(), await ddp(), await ddp(sockjs=True)
    await everything.subscribe("AllBooks")
    await hers.subscribe("BooksByAuthorEmail", "jane@example.com")
    write(books, db_project)
    await everything.wait_for(lambda: on_client(everything) == in_database())
    mine = in_database(author__email="jane@example.com")
    await hers.wait_for(lambda: on_client(hers) == mine)
    await new.subscribe("AllBooks")
    assert on_client(new) == in_database()


async def test_what_is_rolled_back_reaches_nobody(server, ddp, books):
    client = await ddp()
    await client.subscribe("AllBooks")
    before = len(client.messages)
    with transaction.atomic():
        Book.objects.all().update(pages=666)
        Author.objects.create(name="Nobody", email="nobody@example.com")
        transaction.set_rollback(True)
    Author.objects.filter(name="Jane").update(name="Jane A.")
    await client.wait_for(lambda: len(client.messages) > before)
    assert [message["msg"] for message in client.messages[before:]] == ["changed"]


async def test_a_change_of_the_author_s_email_moves_the_books(server, ddp, books):
    old, new = await ddp(), await ddp()
    await old.subscribe("BooksByAuthorEmail", "jane@example.com")
    await new.subscribe("BooksByAuthorEmail", "austen@example.com")
    assert len(on_client(old)) == 2
    Author.objects.filter(email="jane@example.com").update(email="austen@example.com")
    await old.wait_for(lambda: on_client(old) == {} == old.collections["bookstore.author"])
    await new.wait_for(lambda: on_client(new) == in_database(author__name="Jane"))
    assert len(new.collections["bookstore.author"]) == 1


async def test_writes_on_one_server_reach_clients_of_all(start_server, ddp, books):
    servers = [start_server(), start_server("--workers", "2")]
    clients = [await ddp(server.ws_url) for server in servers for _ in range(4)]
    for client in clients:
        await client.subscribe("AllBooks")
    for pages, caller in enumerate((clients[0], clients[-1]), start=77):
        await caller.call("bookstore/set_pages", str(books[0].pk), pages)
        for client in clients:
            await client.wait_for(lambda client=client: on_client(client) == in_database())


async def test_a_method_s_data_comes_before_updated_and_result(server, ddp, books):
    client = await ddp()
    await client.subscribe("AllBooks")
    await client.subscribe("BooksByAuthorEmail", "jane@example.com")
    for pages in range(1, 30):
        before = len(client.messages)
        await client.call("bookstore/set_pages", str(books[0].pk), pages)
        kinds = [message["msg"] for message in client.messages[before:]]
        assert kinds == ["changed", "updated", "result"]
