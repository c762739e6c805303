"""The servers that the application runs under, as commands."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tools.serving import Server

BIN = Path(sys.executable).parent
APPLICATION = "dddp.asgi:application"

HOSTS: dict[str, tuple[tuple[str, ...], str]] = {
    "dddp": ((str(BIN / "dddp"), "127.0.0.1:{port}"), "Listening on"),
    "uvicorn": ((str(BIN / "uvicorn"), APPLICATION, "--port", "{port}"), "Uvicorn running on"),
    "hypercorn": (
        (str(BIN / "hypercorn"), APPLICATION, "--bind", "127.0.0.1:{port}"),
        "Running on http",
    ),
    "granian": (
        (str(BIN / "granian"), "--interface", "asgi", "--port", "{port}", APPLICATION),
        "Started worker-1",
    ),
    # Daphne starts the project with the first client, and gives that 5 seconds by default.
    "daphne": (
        (str(BIN / "daphne"), "--websocket_connect_timeout", "30", "-p", "{port}", APPLICATION),
        "Listening on TCP address",
    ),
}
"""name -> its command, and what it writes when it listens."""


@contextmanager
def running(host: str, directory: Path, settings: Mapping[str, Any]) -> Iterator[Server]:
    """The test project under one of these."""
    command, listening = HOSTS[host]
    with Server(
        directory, command=command, listening=listening, settings=settings
    ).running() as server:
        yield server
