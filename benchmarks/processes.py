"""The processes that are measured."""

from __future__ import annotations

import io
import os
import subprocess
import sys
import sysconfig
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from benchmarks.compiled import compiled
from benchmarks.machine import SERVER_CORE, on_core
from dddp.testing.postgres import free_port

ROOT = Path(__file__).parents[1]
PROJECT = ROOT / "examples" / "bookstore"
SCRIPTS = Path(sysconfig.get_path("scripts"))
UVICORN = "Uvicorn running on"
START_SECONDS = 60
STOP_SECONDS = 30


@dataclass
class Served:
    """A server under measurement, alone on its core.

    Attributes:
        input: its standard input.
    """

    name: str
    url: str
    pid: int
    input: io.RawIOBase

    @property
    def http(self) -> tuple[str, int]:
        """Host and port."""
        parts = urlsplit(self.url)
        assert parts.hostname
        assert parts.port
        return parts.hostname, parts.port

    def say(self, line: bytes) -> None:
        self.input.write(line + b"\n")


@contextmanager
def dddp_server(log: Path, variables: dict[str, str] | None = None) -> Iterator[Served]:
    """The real command serving the sample bookstore."""
    command = [str(SCRIPTS / "dddp"), "127.0.0.1:{port}"]
    with server("dddp", command, log, variables=variables) as served:
        yield served


@contextmanager
def stock_server(log: Path) -> Iterator[Served]:
    """The same project under uvicorn's command, as it comes."""
    command = [str(SCRIPTS / "uvicorn"), "dddp.asgi:application", "--port", "{port}"]
    with server("stock uvicorn", [*command, "--no-access-log"], log, ready=UVICORN) as served:
        yield served


@contextmanager
def listening_floor(log: Path, dsn: str) -> Iterator[Served]:
    """What PostgreSQL notifies goes to everyone: see floor.py."""
    command = [sys.executable, "-m", "benchmarks.floor", "{port}", dsn]
    with server("LISTEN floor", command, log, path="/") as served:
        yield served


@contextmanager
def c_floor(log: Path) -> Iterator[Served]:
    """What it is told goes to everyone: see floor.c; without a compiler the same by floor.py."""
    program = compiled("floor")
    command = [str(program)] if program else [sys.executable, "-m", "benchmarks.floor"]
    name = "C floor" if program else "Python floor"
    with server(name, [*command, "{port}"], log, path="/") as served:
        yield served


@contextmanager
def server(
    name: str,
    command: list[str],
    log: Path,
    path: str = "/websocket",
    ready: str = "Listening on",
    variables: dict[str, str] | None = None,
) -> Iterator[Served]:
    """Any server; `{port}` in the command is a free one, `ready` what it says when it listens."""
    port = free_port()
    command = [part.replace("{port}", str(port)) for part in command]
    with _running(command, log, ready, variables or {}) as process:
        assert isinstance(process.stdin, io.RawIOBase)
        yield Served(name, f"ws://127.0.0.1:{port}{path}", process.pid, process.stdin)


@contextmanager
def _running(
    command: list[str], log: Path, ready: str, variables: dict[str, str]
) -> Iterator[subprocess.Popen[bytes]]:
    environment = {**os.environ, "PYTHONUNBUFFERED": "1", **variables}
    with log.open("wb") as output, on_core(SERVER_CORE):
        process = subprocess.Popen(
            command,
            bufsize=0,
            cwd=ROOT,
            env=environment,
            stdin=subprocess.PIPE,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    try:
        _wait_ready(process, log, ready)
        yield process
    finally:
        process.terminate()
        try:
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _wait_ready(process: subprocess.Popen[bytes], log: Path, ready: str) -> None:
    deadline = time.monotonic() + START_SECONDS
    while ready not in log.read_text(errors="replace"):
        if process.poll() is not None or time.monotonic() > deadline:
            raise RuntimeError(f"A server did not start:\n{log.read_text(errors='replace')}")
        time.sleep(0.05)
