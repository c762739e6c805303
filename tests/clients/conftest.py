from __future__ import annotations

import os
import shutil
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack

import pytest

from clients.third_party import HERE, ThirdPartyClient

CLIENTS = ["simpleddp", "ddp", "ddp.js", "ddp.js-sockjs", "asteroid", "rocketchat", "meteorrn"]


@pytest.fixture(scope="session")
def node_packages() -> None:
    """Node and the clients. `make test` sets them up."""
    if shutil.which("node") is None:
        missing("node is not installed: DDP clients of others are not tested.")
    if not (HERE / "node_modules").is_dir():
        missing(f"DDP clients of others are not tested: run `npm ci` in {HERE}.")


def missing(what: str) -> None:
    if os.environ.get("CI"):
        pytest.fail(what)
    pytest.skip(what)


@pytest.fixture(params=CLIENTS)
async def start_client(
    request: pytest.FixtureRequest, node_packages: None
) -> AsyncIterator[Callable[[], Awaitable[ThirdPartyClient]]]:
    """`await start_client()`: one more client of the kind this run of the test is about."""
    async with AsyncExitStack() as stack:

        async def start() -> ThirdPartyClient:
            return await stack.enter_async_context(ThirdPartyClient(request.param))

        yield start
