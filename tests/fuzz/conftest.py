import asyncio

import pytest
from django.db import connection
from django.test import override_settings

# So small that what goes beyond happens in small programs.
LIMITS = {"DDP_BULK_ROWS": 20, "DDP_PENDING_ROWS": 15, "DDP_TRANSACTION_ROWS": 40}


@pytest.fixture(scope="module")
def wild(project_database):
    """The project's database, set up so that limits are met."""
    from dddp.api.watching import watched_tables
    from dddp.changefeed import triggers
    from fuzz.writes import POPULATIONS

    with override_settings(**LIMITS):
        triggers.install(connection, watched_tables())
        yield
    triggers.install(connection, watched_tables())
    with connection.cursor() as cursor:
        for seed in POPULATIONS:
            cursor.execute(f"DROP SCHEMA IF EXISTS population_{seed} CASCADE")
    connection.close()


@pytest.fixture
async def fuzz(wild, db_project):
    """What runs the lines of a program that has failed."""
    from fuzz.driver import Fuzz

    fuzz = Fuzz()
    handler = asyncio.get_running_loop().get_exception_handler()
    await fuzz.start()
    yield fuzz
    try:
        await fuzz.finish()
    finally:
        await fuzz.stop()
        asyncio.get_running_loop().set_exception_handler(handler)
