"""The database: the sample bookstore in a PostgreSQL of its own."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg

from benchmarks.machine import LOAD_CORE, on_core
from benchmarks.processes import PROJECT, ROOT
from benchmarks.statements import SERVER, YARDSTICK
from dddp.testing.postgres import TemporaryPostgres

OPTIONS = {
    "max_connections": "150",
    "shared_preload_libraries": "pg_stat_statements",
    "pg_stat_statements.track_planning": "on",
}

TITLE = "A title of the length that makes a message of some 250 bytes, padded: "
TITLE_LENGTH = 160


@contextmanager
def database() -> Iterator[str]:
    """The DSN of a migrated database; what Django needs to find it is in the environment.

    PostgreSQL shares a core with the load client, so that the server has one to itself.
    """
    with on_core(LOAD_CORE):
        postgres = TemporaryPostgres(options=OPTIONS)
        postgres.start()
    try:
        dsn = postgres.create_database("bookstore")
        _prepare(dsn, postgres.password)
        _tell_django(postgres)
        _migrate()
        with psycopg.connect(dsn, autocommit=True) as connection:
            # What PostgreSQL asks itself to check foreign keys, it asks as the tables' owner.
            connection.execute(f"REASSIGN OWNED BY {SERVER} TO CURRENT_USER")
        yield dsn
    finally:
        postgres.close()


def _prepare(dsn: str, password: str) -> None:
    """The server has a role of its own: its statements are told from the writers' by it."""
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute("CREATE EXTENSION pg_stat_statements")
        connection.execute(f"CREATE ROLE {SERVER} SUPERUSER LOGIN PASSWORD '{password}'")
        connection.execute(f"CREATE ROLE {YARDSTICK} SUPERUSER")


def _tell_django(postgres: TemporaryPostgres) -> None:
    paths = [str(PROJECT), str(ROOT), *os.environ.get("PYTHONPATH", "").split(os.pathsep)]
    sys.path.insert(0, str(PROJECT))
    os.environ.update(
        PYTHONPATH=os.pathsep.join(filter(None, paths)),
        DJANGO_SETTINGS_MODULE="benchmarks.settings",
        DJANGO_DEBUG="0",
        DATABASE_NAME="bookstore",
        DATABASE_USER=SERVER,
        DATABASE_PASSWORD=postgres.password,
        DATABASE_HOST=postgres.params["host"],
        DATABASE_PORT=str(postgres.port),
    )


def _migrate() -> None:
    import django
    from django.core.management import call_command
    from django.db import connections

    django.setup()
    call_command("migrate", verbosity=0)
    connections.close_all()


EMPTY = "TRUNCATE bookstore_author, bookstore_book RESTART IDENTITY CASCADE;"
FILL = (
    EMPTY
    + """
    INSERT INTO bookstore_author (name, email) VALUES ('Ada Okafor', 'ada@example.com');
    INSERT INTO bookstore_book (title, author_id, pages, price, published)
        SELECT {title}, 1, n, n % 100, '2020-01-01' FROM generate_series(1, {books}) n;
    ANALYZE bookstore_book
"""
)
SPREAD = (
    EMPTY
    + """
    INSERT INTO bookstore_author (name, email)
        SELECT 'Author ' || n, n || '@example.com' FROM generate_series(1, {authors}) n;
    INSERT INTO bookstore_book (title, author_id, pages, price, published)
        SELECT 'Book ' || n, (n - 1) % {authors} + 1, n, n % 100, date '2000-01-01' + n % 5000
        FROM generate_series(1, {authors} * {each}) n;
    ANALYZE bookstore_author, bookstore_book
"""
)


def fill(books: int) -> str:
    """SQL that leaves that many books."""
    return FILL.format(books=books, title="rpad('Book ' || n, 60, ' and on')")


def spread(authors: int, each: int) -> str:
    """SQL that leaves that many authors with so many books each.

    Author `a` has the e-mail address `a@example.com` and the books `a`, `a + authors`...
    """
    return SPREAD.format(authors=authors, each=each)


def email(author: int) -> str:
    return f"{author}@example.com"


def title(number: int) -> str:
    """A new title for each change."""
    return f"{TITLE}{number} ".ljust(TITLE_LENGTH, "x")
