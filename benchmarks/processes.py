"""The processes that are measured."""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from benchmarks.machine import SERVER_CORE, on_core
from dddp.testing.postgres import free_port

ROOT = Path(__file__).parents[1]
PROJECT = ROOT / "examples" / "bookstore"
DDDP = Path(sysconfig.get_path("scripts")) / "dddp"
START_SECONDS = 60
STOP_SECONDS = 30


@dataclass
class Served:
    """A server under measurement, alone on its core."""

    name: str
    url: str
    pid: int


@contextmanager
def dddp_server(log: Path) -> Iterator[Served]:
    """The real command serving the sample bookstore."""
    port = free_port()
    command = [str(DDDP), f"127.0.0.1:{port}"]
    with _running(command, log, "Listening on") as process:
        yield Served("dddp", f"ws://127.0.0.1:{port}/websocket", process.pid)


@contextmanager
def floor_server(log: Path, dsn: str) -> Iterator[Served]:
    """The floor: see floor.py."""
    port = free_port()
    command = [sys.executable, "-m", "benchmarks.floor", str(port), dsn]
    with _running(command, log, "Listening on") as process:
        yield Served("floor", f"ws://127.0.0.1:{port}/", process.pid)


@contextmanager
def _running(command: list[str], log: Path, ready: str) -> Iterator[subprocess.Popen[bytes]]:
    environment = {**os.environ, "PYTHONUNBUFFERED": "1"}
    with log.open("wb") as output, on_core(SERVER_CORE):
        process = subprocess.Popen(
            command, env=environment, cwd=ROOT, stdout=output, stderr=subprocess.STDOUT
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
