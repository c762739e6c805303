"""The bookstore's database seen from outside, and writers that never rest."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import psycopg

from dddp.testing.client import DDPClient

BOOKS = 200


class Bookshop:
    """A database with the tables of the test project, an author and books, seen from outside.

    Attributes:
        db: a connection in autocommit.
        env: the variables that lead a server to it.
    """

    def __init__(self, dsn: str, env: dict[str, str]) -> None:
        self.dsn = dsn
        self.env = env
        self.db = psycopg.connect(dsn, autocommit=True)
        self.db.execute("TRUNCATE bookstore_author, bookstore_book RESTART IDENTITY CASCADE")
        self.db.execute("INSERT INTO bookstore_author (name, email) VALUES ('Jane', 'jane@x.org')")
        self.db.execute(
            "INSERT INTO bookstore_book (title, author_id, pages, price) "
            "SELECT 'b' || g, 1, g, 0 FROM generate_series(1, %s) g",
            [BOOKS],
        )

    def connect_again(self) -> None:
        """After a restart."""
        self.db.close()
        self.db = psycopg.connect(self.dsn, autocommit=True)

    def value(self, query: str, *params: Any) -> Any:
        row = self.db.execute(query, params).fetchone()
        assert row is not None
        return row[0]

    @property
    def fill(self) -> float:
        """Of the notification queue, 0..1."""
        return float(self.value("SELECT pg_notification_queue_usage()"))

    def cut_listeners(self) -> int:
        """End the backends of the servers' listeners in this database; how many were there?"""
        return int(
            self.value(
                "SELECT count(pg_terminate_backend(pid, 10000)) FROM pg_stat_activity "
                "WHERE application_name = 'dddp listener' AND datname = current_database()"
            )
        )

    def books(self) -> dict[str, Any]:
        rows = self.db.execute("SELECT id::text, title, pages FROM bookstore_book")
        return {key: (title, pages) for key, title, pages in rows}

    async def shown_by(self, *clients: DDPClient) -> None:
        """Return once these clients have the books that the database has."""
        books = self.books()
        for client in clients:
            await client.wait_for(lambda client=client: shown(client) == books, timeout=60)


def shown(client: DDPClient) -> dict[str, Any]:
    books = client.collections["bookstore.book"]
    return {key: (fields["title"], fields["pages"]) for key, fields in books.items()}


@asynccontextmanager
async def writing(shop: Bookshop, writers: int = 2) -> AsyncIterator[Callable[[], int]]:
    """Writers insert, update and delete books all the while, over every loss of the database.

    Gives a function that tells how many times one has written.
    """
    written = 0

    async def write(number: int) -> None:
        nonlocal written
        while True:
            try:
                async with await psycopg.AsyncConnection.connect(shop.dsn, autocommit=True) as db:
                    while True:
                        written += 1
                        await change(db, f"w{number}-", written)
            except psycopg.OperationalError:
                await asyncio.sleep(0.01)

    tasks = [asyncio.create_task(write(number)) for number in range(writers)]
    try:
        yield lambda: written
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def change(db: psycopg.AsyncConnection[Any], prefix: str, number: int) -> None:
    await db.execute(
        "INSERT INTO bookstore_book (title, author_id, pages, price) VALUES (%s, 1, 1, 0)",
        [f"{prefix}{number}"],
    )
    await db.execute("UPDATE bookstore_book SET pages = %s WHERE id = %s", [number, number % BOOKS])
    await db.execute(
        "DELETE FROM bookstore_book WHERE id IN (SELECT id FROM bookstore_book "
        "WHERE starts_with(title, %s) ORDER BY id LIMIT 1 OFFSET 20)",
        [prefix],
    )
