from __future__ import annotations
from collections.abc import Iterator
import pytest
from dddp.testing.postgres import TemporaryPostgres


@pytest.fixture(scope="session")
def postgres() -> Iterator[TemporaryPostgres]:
    with TemporaryPostgres(options={"max_connections": "200"}) as server:
        yield server
