"""Starts the peer: Django Channels with channels_redis and djangochannelsrestframework.

Its virtual environment is made when it is first needed; Redis is the system's. Redis and PostgreSQL
share the load client's core: what they use is not counted as the peer's.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import psycopg
from psycopg.conninfo import make_conninfo

from benchmarks.machine import LOAD_CORE, on_core
from benchmarks.processes import ROOT, UVICORN, Served, server
from dddp.testing.postgres import free_port

FOLDER = Path(__file__).parent / "peer"
VENV = ROOT / ".venv-peer"
DATABASE = "peer"
START_SECONDS = 20
NO_REDIS = "The peer needs Redis: install `redis-server` (apt-get install redis-server)."


class UnavailableError(Exception):
    """The peer cannot be measured here; the sentence says why."""


def environment() -> Path:
    """The peer's Python, with what it needs."""
    requirements, made = FOLDER / "requirements.txt", VENV / "requirements.txt"
    python = VENV / "bin" / "python"
    if not made.exists() or made.read_text() != requirements.read_text():
        print(f"Installing the peer into {VENV.name}", flush=True)
        try:
            subprocess.run([sys.executable, "-m", "venv", "--clear", VENV], check=True)
            install = [python, "-m", "pip", "install", "-q", "--disable-pip-version-check"]
            subprocess.run([*install, "-r", requirements], check=True, capture_output=True)
        except subprocess.CalledProcessError as error:
            said = (error.stderr or b"").decode(errors="replace")
            raise UnavailableError(f"The peer could not be installed: {error}.\n{said}") from error
        shutil.copy(requirements, made)
    return python


@contextmanager
def redis() -> Iterator[int]:
    """A Redis of its own; its port."""
    program = shutil.which("redis-server")
    if program is None:
        raise UnavailableError(NO_REDIS)
    port = free_port()
    command = [program, "--port", str(port), "--bind", "127.0.0.1", "--save", ""]
    with TemporaryDirectory() as folder, on_core(LOAD_CORE):
        process = subprocess.Popen(command, cwd=folder, stdout=subprocess.PIPE)
        try:
            assert process.stdout is not None
            deadline = time.monotonic() + START_SECONDS
            while b"eady to accept" not in process.stdout.readline():
                if process.poll() is not None or time.monotonic() > deadline:
                    raise UnavailableError("Redis did not start.")
            yield port
        finally:
            process.terminate()
            process.wait()


class Peer:
    """The peer, running. Attributes: served; dsn, of its own database."""

    def __init__(self, served: Served, writer: subprocess.Popen[bytes], dsn: str) -> None:
        self.served = served
        self.dsn = dsn
        self._writer = writer
        self.number = 0

    def save(self) -> float:
        """Save the next book; returns when the saving began (time.perf_counter)."""
        assert self._writer.stdin is not None
        assert self._writer.stdout is not None
        self.number += 1
        self._writer.stdin.write(b"%d\n" % self.number)
        return float(self._writer.stdout.readline())


@contextmanager
def peer(dsn: str, log: Path) -> Iterator[Peer]:
    """Raises UnavailableError."""
    python = environment()
    with redis() as port:
        variables = {
            "DJANGO_SETTINGS_MODULE": "benchmarks.peer.settings",
            "DATABASE_NAME": DATABASE,
            "PEER_REDIS_PORT": str(port),
        }
        with psycopg.connect(dsn, autocommit=True) as connection:
            connection.execute(f"DROP DATABASE IF EXISTS {DATABASE} WITH (FORCE)")
            connection.execute(f"CREATE DATABASE {DATABASE}")
        everything = {**os.environ, **variables}
        migrate = [python, "-m", "django", "migrate", "--verbosity", "0"]
        subprocess.run(migrate, env=everything, cwd=ROOT, check=True)
        command = [str(python), "-m", "uvicorn", "benchmarks.peer.asgi:application"]
        command += ["--port", "{port}", "--no-access-log"]
        with (
            server("peer", command, log, "/books/", UVICORN, variables) as served,
            _writer(python, everything) as writer,
        ):
            yield Peer(served, writer, make_conninfo(dsn, dbname=DATABASE))


@contextmanager
def _writer(python: Path, variables: dict[str, str]) -> Iterator[subprocess.Popen[bytes]]:
    command = [python, "-m", "benchmarks.peer.writer"]
    pipe = subprocess.PIPE
    process = subprocess.Popen(command, bufsize=0, cwd=ROOT, env=variables, stdin=pipe, stdout=pipe)
    try:
        assert process.stdout is not None
        process.stdout.readline()
        yield process
    finally:
        process.terminate()
        process.wait()
