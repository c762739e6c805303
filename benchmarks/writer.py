"""Who changes the database: one change, one transaction, and when its COMMIT was sent."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import msgspec
import psycopg

from benchmarks import bookstore
from benchmarks.floor import CHANNEL

NOBODY = "benchmark_nobody"
UPDATE = "UPDATE bookstore_book SET title = %s, pages = %s WHERE id = %s"


class Writer:
    """One connection. Each write returns when its COMMIT was sent (time.perf_counter)."""

    def __init__(self, connection: psycopg.AsyncConnection, books: int) -> None:
        self._connection = connection
        self._books = books
        self._number = 0

    async def change(self) -> float:
        """Change the next book: clients of dddp get a message."""
        self._number += 1
        book = self._number % self._books + 1
        parameters = (bookstore.title(self._number), self._number, book)
        await self._connection.execute("BEGIN")
        await self._connection.execute(UPDATE, parameters)
        return await self._commit()

    async def notify(self) -> float:
        """Send the same message by NOTIFY alone: clients of the listening floor get it."""
        self._number += 1
        await self._connection.execute("BEGIN")
        await self._connection.execute("SELECT pg_notify(%s, %s)", (CHANNEL, self._message()))
        return await self._commit()

    async def tell(self, say: Callable[[bytes], None]) -> float:
        """The same commit, but the message goes to the floor by `say`, as COMMIT is done."""
        self._number += 1
        await self._connection.execute("BEGIN")
        await self._connection.execute("SELECT pg_notify(%s, %s)", (NOBODY, self._message()))
        when = await self._commit()
        say(self._message().encode())
        return when

    def is_right(self, message: bytes) -> bool:
        """Whether a client got what was written."""
        fields = msgspec.json.decode(message)["fields"]
        return fields == {"title": bookstore.title(fields["pages"]), "pages": fields["pages"]}

    def _message(self) -> str:
        book = str(self._number % self._books + 1)
        fields = {"title": bookstore.title(self._number), "pages": self._number}
        message = {"msg": "changed", "collection": "bookstore.book", "id": book, "fields": fields}
        return msgspec.json.encode(message).decode()

    async def _commit(self) -> float:
        when = time.perf_counter()
        await self._connection.execute("COMMIT")
        return when


@asynccontextmanager
async def writer(dsn: str, books: int) -> AsyncIterator[Writer]:
    async with await psycopg.AsyncConnection.connect(dsn, autocommit=True) as connection:
        await connection.execute(bookstore.fill(books))
        # Planned and prepared by the first few.
        yield Writer(connection, books)
