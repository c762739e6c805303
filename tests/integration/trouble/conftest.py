"""PostgreSQLs and what watches them."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Awaitable, Callable, Iterator

import psycopg
import pytest
from bookshop import Bookshop

from dddp.testing.postgres import TemporaryPostgres
from tools.feed import until
from tools.serving import Watched


@pytest.fixture
def shop(db_project: str) -> Iterator[Bookshop]:
    shop = Bookshop(db_project, {})
    yield shop
    shop.db.close()


@pytest.fixture(scope="module")
def small_postgres(postgres: TemporaryPostgres) -> Iterator[TemporaryPostgres]:
    """Half a MiB of notifications is all it keeps."""
    with psycopg.connect(postgres.dsn) as connection:
        if connection.info.server_version < 170000:
            pytest.skip("PostgreSQL 17 has the first max_notify_queue_pages")
    with TemporaryPostgres(options={"max_notify_queue_pages": "64"}) as server:
        subprocess.run(
            [sys.executable, "-m", "django", "migrate", "--run-syncdb", "--verbosity", "0"],
            env={**os.environ, "DJANGO_SETTINGS_MODULE": "testproject.settings", **leading(server)},
            check=True,
        )
        yield server


def leading(server: TemporaryPostgres) -> dict[str, str]:
    return {
        "DATABASE_NAME": "postgres",
        "DATABASE_USER": "postgres",
        "DATABASE_PASSWORD": server.password,
        "DATABASE_HOST": "127.0.0.1",
        "DATABASE_PORT": str(server.port),
    }


@pytest.fixture
def small_shop(small_postgres: TemporaryPostgres) -> Iterator[Bookshop]:
    shop = Bookshop(small_postgres.dsn, leading(small_postgres))
    yield shop
    shop.db.close()


Logged = Callable[..., Awaitable[None]]


@pytest.fixture
def logged() -> Logged:
    """`await logged(server, text, times=2)`: until its log has the text that often."""

    async def logged(server: Watched, text: str, times: int = 1) -> None:
        try:
            await until(lambda: server.log.count(text) >= times)
        except TimeoutError:
            raise AssertionError(f"no {text!r} ({times}) in the log:\n{server.log}") from None

    return logged
