"""PostgreSQL goes away and comes back under load: clients end up equal to the database."""

import asyncio
import threading

import psycopg
import pytest
from django.db import connections

from bookstore.models import Author, Book

pytestmark = pytest.mark.timeout(180)


class Load(threading.Thread):
    """Writes without a pause; while the database is away, tries again."""

    def __init__(self, dsn):
        super().__init__(daemon=True)
        self.dsn = dsn
        self.stopped = threading.Event()
        self.written = 0

    def run(self):
        while not self.stopped.is_set():
            try:
                with psycopg.connect(self.dsn, autocommit=True) as connection:
                    while not self.stopped.is_set():
                        self.write(connection)
            except psycopg.OperationalError:
                self.stopped.wait(0.01)

    def write(self, connection):
        self.written += 1
        number = self.written
        connection.execute(
            "INSERT INTO bookstore_book (title, author_id, pages, price) VALUES (%s, 1, %s, 0)",
            [f"t{number}", number],
        )
        connection.execute("UPDATE bookstore_book SET pages = 1 WHERE pages = %s", [number - 3])
        connection.execute("DELETE FROM bookstore_book WHERE title = %s", [f"t{number - 20}"])

    def stop(self):
        self.stopped.set()
        self.join()


def shown(client):
    books = client.collections["bookstore.book"]
    return {key: (fields["title"], fields["pages"]) for key, fields in books.items()}


def stored():
    return {str(book.pk): (book.title, book.pages) for book in Book.objects.all()}


@pytest.fixture
def load(db_project):
    Author.objects.create(pk=1, name="Jane", email="jane@example.com")
    load = Load(db_project)
    load.start()
    yield load
    load.stop()


async def equal_to_the_database(clients):
    connections.close_all()
    rows = stored()
    for client in clients:
        await client.wait_for(lambda client=client: shown(client) == rows, timeout=60)


async def test_postgresql_restarted_under_load(postgres, start_server, ddp, load):
    server = start_server()
    clients = [await ddp(server.ws_url) for _ in range(5)]
    for client, publication in zip(clients, PUBLICATIONS, strict=True):
        await client.subscribe(*publication)
    for stop in (postgres.restart, postgres.restart):
        written = load.written
        await asyncio.to_thread(stop)
        await clients[0].wait_for(lambda written=written: load.written > written + 50, timeout=60)
    late = await ddp(server.ws_url)
    await late.subscribe("AllBooks")
    load.stop()
    await equal_to_the_database([*clients, late])


PUBLICATIONS = [("AllBooks",)] * 3 + [("BooksByAuthorEmail", "jane@example.com")] * 2


def cut_listeners():
    """End the backends of all listeners there are; were there any?"""
    with connections["default"].cursor() as cursor:
        cursor.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE application_name LIKE 'dddp listener%'"
        )
        return cursor.fetchall()


async def test_the_listen_connection_is_cut(start_server, ddp, load):
    server = start_server()
    clients = [await ddp(server.ws_url) for _ in range(2)]
    await clients[0].subscribe("AllBooks")
    await clients[1].subscribe("BooksByAuthorEmail", "jane@example.com")
    for _ in range(5):
        await clients[0].wait_for(cut_listeners)
    load.stop()
    await equal_to_the_database(clients)


async def test_a_server_killed_leaves_nothing_behind(start_server, ddp, load):
    server = start_server()
    client = await ddp(server.ws_url)
    await client.subscribe("AllBooks")
    server.kill()
    await client.wait_closed()
    load.stop()
    server.start()
    again = await ddp(server.ws_url)
    await again.subscribe("AllBooks")
    await equal_to_the_database([again])
