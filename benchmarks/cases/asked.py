"""Queries over a foreign key that differ in a parameter: what a change costs the database."""

from __future__ import annotations

import asyncio

from benchmarks import bookstore
from benchmarks.bookstore import email
from benchmarks.cases import Scale
from benchmarks.figures import Table
from benchmarks.kinds import COLUMNS, NOTES, Group, Kind, measure
from benchmarks.live import Contents, Live, Statement, live

BOOKS_EACH = 3
JOINED = "bookstore_book b JOIN bookstore_author a ON a.id = b.author_id"
RIGHT = f"SELECT a.email, b.id::text, b.title FROM {JOINED}"


def run(dsn: str, scale: Scale) -> list[Table]:
    return [asyncio.run(_run(dsn, scale))]


async def _run(dsn: str, scale: Scale) -> Table:
    authors = max(scale.subscriptions)
    table = Table(
        f"Asked: Book.objects.filter(author__email=...), {authors:,} authors, "
        f"{authors * BOOKS_EACH:,} books; one change",
        COLUMNS,
        notes=list(NOTES),
    )
    async with live(dsn) as scene:
        await scene.execute(bookstore.spread(authors, BOOKS_EACH))
        for size in scale.subscriptions:
            await measure(scene, table, _group(size), size, scale.changes)
    return table


def _group(size: int) -> Group:
    def book(number: int) -> int:
        return number % size + 1

    def renamed(number: int) -> Statement:
        sql = "UPDATE bookstore_book SET title = %s WHERE id = %s"
        return sql, (f"Title {number} of {size}", book(number))

    def moved(number: int) -> Statement:
        """To an author that nobody looks at, or another; and back."""
        sql = "UPDATE bookstore_author SET email = %s WHERE id = %s"
        author = book(number // 2)
        return sql, (email(author) if number % 2 else f"moved-{author}@example.com", author)

    def whose(number: int) -> Statement:
        sql = f"SELECT DISTINCT a.email, b.id FROM {JOINED} WHERE b.id = ANY(%s)"
        return sql, ([book(number)],)

    def whose_of_author(number: int) -> Statement:
        sql = f"SELECT DISTINCT a.email, b.id FROM {JOINED} WHERE a.id = ANY(%s)"
        return sql, ([book(number)],)

    def has_book(number: int) -> Statement:
        sql = f"SELECT EXISTS (SELECT FROM {JOINED} WHERE a.email = %s AND b.id = %s)"
        return sql, (email(number + 1), book(number))

    def has_author(number: int) -> Statement:
        sql = f"SELECT EXISTS (SELECT FROM {JOINED} WHERE a.email = %s AND a.id = %s)"
        return sql, (email(number + 1), book(number))

    kinds = [
        Kind("a title", renamed, whose, has_book),
        Kind("an e-mail address", moved, whose_of_author, has_author),
    ]
    return Group("author__email", _hold, "title", _right, kinds)


async def _hold(scene: Live, size: int) -> None:
    from bookstore.models import Book

    await scene.hold(Book.objects.filter(author__email=email(n + 1)) for n in range(size))


def _right(scene: Live, size: int) -> dict[int, Contents]:
    right: dict[int, Contents] = {}
    for address, identity, title in scene.connection.execute(RIGHT).fetchall():
        head = address.split("@")[0]
        if head.isdigit():
            right.setdefault(int(head) - 1, {})[identity] = title
    return right
