"""Queries that the inverse query cannot serve: parameters as data, and slices."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from benchmarks import bookstore
from benchmarks.bookstore import email
from benchmarks.cases import Scale
from benchmarks.figures import Table
from benchmarks.kinds import COLUMNS, NOTES, Group, Kind, measure
from benchmarks.live import Contents, Live, Statement, live

TOP = 10
MORE_THAN_TOP = 12
BOOKS = "bookstore_book b JOIN bookstore_author a ON a.id = b.author_id"
TOP_OF_ONE = f"SELECT b.id FROM {BOOKS} WHERE a.email = %s ORDER BY b.published DESC LIMIT {TOP}"


def run(dsn: str, scale: Scale) -> list[Table]:
    return [asyncio.run(_run(dsn, scale))]


async def _run(dsn: str, scale: Scale) -> Table:
    authors = max(scale.subscriptions)
    table = Table(
        f"Parameters as data, and slices: {authors:,} authors; one change",
        COLUMNS,
        notes=[
            *NOTES,
            "OR: filter(Q(author__email=...) | Q(pages=...)); one book for each author.",
            "NOT: Author.objects.filter(pk=...).exclude(books__title=...).",
            f"Slice, of {MORE_THAN_TOP} books for each author: "
            f"filter(author__email=...).order_by('-published', 'pk')[:{TOP}]; "
            "by hand: the one result concerned, as EXISTS is no question here.",
        ],
    )
    async with live(dsn) as scene:
        for each, groups in ((1, (_either, _without)), (MORE_THAN_TOP, (_top,))):
            await scene.execute(bookstore.spread(authors, each))
            for group in groups:
                for size in scale.subscriptions:
                    await measure(scene, table, group(size), size, scale.changes)
    return table


def _renamed(size: int) -> Callable[[int], Statement]:
    def renamed(number: int) -> Statement:
        sql = "UPDATE bookstore_book SET title = %s WHERE id = %s"
        return sql, (f"Title {number} of {size}", number % size + 1)

    return renamed


def _either(size: int) -> Group:
    """The book of an author, and that with a page more, which is the next author's."""
    emails, pages = [email(n + 1) for n in range(size)], [n + 2 for n in range(size)]

    def by_hand(number: int) -> Statement:
        sql = f"""
            SELECT DISTINCT p.i, b.id
            FROM unnest(%s::text[], %s::int[]) WITH ORDINALITY p(e, n, i), {BOOKS}
            WHERE (a.email = p.e OR b.pages = p.n) AND b.id = ANY(%s)
        """
        return sql, (emails, pages, [number % size + 1])

    def exists(number: int) -> Statement:
        sql = f"SELECT EXISTS (SELECT FROM {BOOKS} WHERE (a.email = %s OR b.pages = %s)"
        return sql + " AND b.id = %s)", (emails[number], pages[number], number % size + 1)

    async def hold(scene: Live, size: int) -> None:
        from django.db.models import Q

        from bookstore.models import Book

        pairs = zip(emails, pages, strict=True)
        await scene.hold(Book.objects.filter(Q(author__email=e) | Q(pages=n)) for e, n in pairs)

    def right(scene: Live, size: int) -> dict[int, Contents]:
        return _read(
            scene,
            f"""
                WITH p AS (SELECT * FROM unnest(%s::text[], %s::int[]) WITH ORDINALITY p(e, n, i))
                SELECT p.i, b.id::text, b.title FROM p, {BOOKS} WHERE a.email = p.e
                UNION SELECT p.i, b.id::text, b.title FROM p, bookstore_book b WHERE b.pages = p.n
            """,
            (emails, pages),
        )

    return Group("OR", hold, "title", right, [Kind("a title", _renamed(size), by_hand, exists)])


def _without(size: int) -> Group:
    """An author, unless one of the author's books has a certain title."""
    titles = [f"Withdrawn {n + 1}" for n in range(size)]
    where = "a.id = {id} AND NOT EXISTS (SELECT FROM bookstore_book b"
    where += " WHERE b.author_id = a.id AND b.title = {title})"

    def change(number: int) -> Statement:
        """The first book of an author gets the title; and another."""
        book = number // 2 % size
        sql = "UPDATE bookstore_book SET title = %s WHERE id = %s"
        return sql, (f"Title {number} of {size}" if number % 2 else titles[book], book + 1)

    def by_hand(number: int) -> Statement:
        condition = where.format(id="p.a", title="p.t")
        sql = f"""
            SELECT DISTINCT p.i, a.id
            FROM unnest(%s::int[], %s::text[]) WITH ORDINALITY p(a, t, i), bookstore_author a
            WHERE {condition} AND a.id = ANY(%s)
        """
        return sql, ([n + 1 for n in range(size)], titles, [number % size + 1])

    def exists(number: int) -> Statement:
        condition = where.format(id="%s", title="%s")
        sql = f"SELECT EXISTS (SELECT FROM bookstore_author a WHERE {condition} AND a.id = %s)"
        return sql, (number + 1, titles[number], number % size + 1)

    async def hold(scene: Live, size: int) -> None:
        from bookstore.models import Author

        await scene.hold(
            Author.objects.filter(pk=n + 1).exclude(books__title=titles[n]) for n in range(size)
        )

    def right(scene: Live, size: int) -> dict[int, Contents]:
        condition = where.format(id="a.id", title="'Withdrawn ' || a.id")
        sql = f"SELECT a.id, a.id::text, a.name FROM bookstore_author a WHERE {condition}"
        return _read(scene, sql + " AND a.id <= %s", (size,))

    return Group("NOT", hold, "name", right, [Kind("a title", change, by_hand, exists)])


def _top(size: int) -> Group:
    def change(number: int) -> Statement:
        """A book of an author becomes the latest; another time, the earliest."""
        day = "2030-01-01" if number % 2 else "1960-01-01"
        sql = "UPDATE bookstore_book SET published = date %s + %s WHERE id = %s"
        return sql.replace("date %s", f"date '{day}'"), (number + size, number % size + 1)

    def one(number: int) -> Statement:
        return TOP_OF_ONE, (email(number % size + 1),)

    async def hold(scene: Live, size: int) -> None:
        from bookstore.models import Book

        books = Book.objects.order_by("-published", "pk")
        await scene.hold(books.filter(author__email=email(n + 1))[:TOP] for n in range(size))

    def right(scene: Live, size: int) -> dict[int, Contents]:
        sql = f"""
            SELECT author_id, id::text, published::text FROM (
                SELECT *, rank() OVER (PARTITION BY author_id ORDER BY published DESC, id) AS r
                FROM bookstore_book
            ) b WHERE r <= {TOP} AND author_id <= %s
        """
        return _read(scene, sql, (size,))

    return Group("slice", hold, "published", right, [Kind("a date", change, one, one)])


def _read(scene: Live, sql: str, params: tuple[Any, ...]) -> dict[int, Contents]:
    found: dict[int, Contents] = {}
    for number, identity, value in scene.connection.execute(sql, params).fetchall():
        found.setdefault(number - 1, {})[identity] = value
    return found
