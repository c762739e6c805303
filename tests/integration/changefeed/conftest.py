from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from reading import Feed


@pytest.fixture
def db(pg_dsn: str) -> Iterator[psycopg.Connection[Any]]:
    """Someone who writes, in autocommit."""
    with psycopg.connect(pg_dsn, autocommit=True) as connection:
        yield connection


@pytest.fixture
def feed(pg_dsn: str) -> Iterator[Feed]:
    reader = Feed(pg_dsn)
    yield reader
    reader.close()


@pytest.fixture
def book(db: psycopg.Connection[Any], feed: Feed) -> None:
    """A watched table with the rows 1 and 2."""
    db.execute("CREATE TABLE book (id int PRIMARY KEY, title text, pages int DEFAULT 0)")
    db.execute("INSERT INTO book VALUES (1, 'One', 10), (2, 'Two', 20)")
    feed.watch("book")
