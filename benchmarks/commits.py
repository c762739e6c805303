"""Many small transactions a second: one changed row each, from several connections."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import psycopg

CONNECTIONS = 4
AT_ONCE = 20
# A loop in the server, as a statement over TCP costs its client more than PostgreSQL.
PROCEDURE = """
    CREATE OR REPLACE PROCEDURE benchmark_commits(first int, count int, step int, books int)
    LANGUAGE plpgsql AS $$
    BEGIN
        FOR i IN 0 .. count - 1 LOOP
            UPDATE bookstore_book SET pages = pages + 1 WHERE id = (first + i * step) % books + 1;
            COMMIT;
        END LOOP;
    END $$
"""
CALL = "CALL benchmark_commits(%s::int, %s::int, %s::int, %s::int)"


@dataclass(frozen=True)
class Order:
    """`rate` transactions a second for `seconds`, over books 1 to `books`.

    Attributes:
        is_exact: `count` of them, however long that takes.
    """

    dsn: str
    books: int
    rate: int
    seconds: float
    is_exact: bool = False

    @property
    def calls(self) -> int:
        """Of the procedure, by each connection."""
        return max(1, round(self.rate * self.seconds / CONNECTIONS / AT_ONCE))

    @property
    def count(self) -> int:
        return self.calls * AT_ONCE * CONNECTIONS


def prepare(dsn: str) -> None:
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute(PROCEDURE)


def commit(order: Order) -> int:
    """Commit as ordered, or as fast as the machine can; returns how many. For a process pool."""
    with ThreadPoolExecutor(CONNECTIONS) as threads:
        return sum(threads.map(lambda each: _commit(order, each), range(CONNECTIONS)))


def _commit(order: Order, first: int) -> int:
    every = AT_ONCE * CONNECTIONS / order.rate
    done = 0
    with psycopg.connect(order.dsn, autocommit=True) as connection:
        begin = time.perf_counter()
        while _goes_on(order, done, time.perf_counter() - begin):
            due = begin + done / AT_ONCE * every
            if (early := due - time.perf_counter()) > 0:
                time.sleep(early)
            start = done * CONNECTIONS + first
            connection.execute(CALL, (start, AT_ONCE, CONNECTIONS, order.books))
            done += AT_ONCE
    return done


def _goes_on(order: Order, done: int, seconds: float) -> bool:
    return done < order.calls * AT_ONCE if order.is_exact else seconds < order.seconds
