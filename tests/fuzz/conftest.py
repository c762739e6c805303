import asyncio

import pytest
from django.db import connection
from django.test import override_settings

# So small that what goes beyond happens in small programs.
LIMITS = {"DDP_BULK_ROWS": 20, "DDP_PENDING_ROWS": 15, "DDP_TRANSACTION_ROWS": 40}


@pytest.fixture(scope="module")
def wild(project_database):
    """The project's database, set up so that limits are met and deadlocks found soon."""
    from dddp.api.watching import watched_tables
    from dddp.changefeed import triggers

    database = connection.ops.quote_name(connection.settings_dict["NAME"])
    with connection.cursor() as cursor:
        cursor.execute(f"ALTER DATABASE {database} SET deadlock_timeout = '30ms'")
    with override_settings(**LIMITS):
        triggers.install(connection, watched_tables())
        yield
    triggers.install(connection, watched_tables())
    with connection.cursor() as cursor:
        cursor.execute(f"ALTER DATABASE {database} RESET deadlock_timeout")
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
