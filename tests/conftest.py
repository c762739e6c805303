"""What all tests share. PostgreSQL is started by the first test that asks for it."""

from __future__ import annotations

import os
import secrets
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack, ExitStack
from pathlib import Path
from typing import Any

import django
import pytest
from django.db import connections

from dddp.testing.client import DDPClient
from dddp.testing.postgres import TemporaryPostgres
from tools.serving import Server, Watched

ROOT = Path(__file__).parent.parent
PROJECTS = [str(ROOT / "examples" / "bookstore"), str(ROOT / "tests" / "project")]
ENVIRONMENT = {
    "DJANGO_SETTINGS_MODULE": "testproject.settings",
    "DJANGO_DEBUG": "0",
    "DATABASE_HOST": "ask-for-the-fixture-db_project",
}
# Filled by `migrate`, and needed as it is.
KEPT_TABLES = {"django_migrations", "django_content_type", "auth_permission"}

USED_SEQUENCES = """
    SELECT c.relname FROM pg_sequences s
    JOIN pg_depend d ON d.objid = format('%I.%I', schemaname, sequencename)::regclass
        AND d.deptype IN ('a', 'i')
    JOIN pg_class c ON c.oid = d.refobjid
    WHERE last_value IS NOT NULL
"""


def pytest_configure() -> None:
    """Test modules import models: Django has to be set up before any is collected."""
    os.environ.update(ENVIRONMENT)
    # For servers; tests have them from `pythonpath` in pyproject.toml.
    os.environ["PYTHONPATH"] = os.pathsep.join(PROJECTS)
    django.setup()
    # Django keeps a connection per task otherwise, which nobody closes when a test ends.
    connections._connections = threading.local()


@pytest.fixture(scope="session")
def postgres() -> Iterator[TemporaryPostgres]:
    """One PostgreSQL for all tests; a test may restart it. DDDP_PG_BIN picks another version."""
    options = {"max_connections": "200", "max_prepared_transactions": "10"}
    with TemporaryPostgres(options=options) as server:
        yield server


@pytest.fixture
def pg_dsn(postgres: TemporaryPostgres) -> Iterator[str]:
    """An empty database for one test."""
    name = f"scratch_{secrets.token_hex(6)}"
    yield postgres.create_database(name)
    postgres.drop_database(name)


@pytest.fixture(scope="session")
def project_database(postgres: TemporaryPostgres) -> str:
    """The database of the test project, migrated; its DSN. Tests ask for `db_project`."""
    from django.conf import settings
    from django.core.management import call_command

    dsn = postgres.create_database("project")
    parameters = {
        "NAME": "project",
        "USER": postgres.params["user"],
        "PASSWORD": postgres.password,
        "HOST": postgres.params["host"],
        "PORT": str(postgres.port),
    }
    settings.DATABASES["default"].update(parameters)
    os.environ.update({f"DATABASE_{name}": value for name, value in parameters.items()})
    call_command("migrate", verbosity=0, run_syncdb=True)
    return dsn


@pytest.fixture
def db_project(project_database: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The test project's database without rows; its DSN.

    What a test writes is committed for all to see, and removed before the next. Tests that are
    coroutines may use the ORM as it is.
    """
    monkeypatch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "true")
    # It may have been cut by a test that restarts PostgreSQL.
    connections.close_all()
    _empty_tables()
    yield project_database
    connections.close_all()


def _empty_tables() -> None:
    """Of many tables a test uses a few, and to truncate one takes longer than to look into all."""
    connection = connections["default"]
    quote = connection.ops.quote_name
    tables = set(connection.introspection.table_names()) - KEPT_TABLES
    with connection.cursor() as cursor:
        cursor.execute(
            " UNION ALL ".join(
                f"SELECT '{table}' WHERE EXISTS (SELECT FROM {quote(table)})"
                for table in sorted(tables)
            )
        )
        used = {table for (table,) in cursor.fetchall()}
        cursor.execute(USED_SEQUENCES)
        used |= {table for (table,) in cursor.fetchall()} & tables
        if used:
            cursor.execute("SET lock_timeout = '20s'")
            names = ", ".join(map(quote, sorted(used)))
            cursor.execute(f"TRUNCATE {names} RESTART IDENTITY CASCADE")
            cursor.execute("RESET lock_timeout")


@pytest.fixture(scope="session")
def log_directory() -> Path:
    """Logs of servers, kept for whoever looks at a failed run."""
    directory = ROOT / "artifacts" / "logs" / os.environ.get("PYTEST_XDIST_WORKER", "main")
    directory.mkdir(parents=True, exist_ok=True)
    for old in directory.glob("server-*.log"):
        old.unlink()
    return directory


@pytest.fixture(scope="session")
def shared_server(project_database: str, log_directory: Path) -> Iterator[Server]:
    with Server(log_directory).running() as server:
        yield server


@pytest.fixture
def server(db_project: str, shared_server: Server) -> Iterator[Watched]:
    """The `dddp` command, running: `.url`, `.ws_url`, `.log`; all tests share one process."""
    watched = Watched(shared_server)
    yield watched
    watched.check()


@pytest.fixture
def start_server(db_project: str, log_directory: Path) -> Iterator[Callable[..., Watched]]:
    """Start servers of one's own: `start_server("--workers", "2", settings={"DDP_...": 1})`.

    Arguments are those of `tools.serving.Server`.
    """
    with ExitStack() as stack:

        def start(*arguments: str, **options: Any) -> Watched:
            server = Server(log_directory, *arguments, **options)
            watched = Watched(server)
            stack.callback(watched.check)
            stack.enter_context(server.running())
            return watched

        yield start


@pytest.fixture
async def ddp(request: pytest.FixtureRequest) -> AsyncIterator[Callable[..., Awaitable[DDPClient]]]:
    """Connect clients: `await ddp()` to the shared server, `await ddp(url)` to another.

    They are closed at the end, and must not have seen a violation of the protocol.
    """
    clients: list[DDPClient] = []
    async with AsyncExitStack() as stack:

        async def connect(url: str | None = None, **options: Any) -> DDPClient:
            client = DDPClient(url or request.getfixturevalue("server").ws_url, **options)
            clients.append(await stack.enter_async_context(client))
            return client

        yield connect
    assert [violation for client in clients for violation in client.violations] == []
