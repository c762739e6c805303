"""The `dddp` command as a process of its own, as users run it."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import sysconfig
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from dddp.testing.postgres import free_port

DDDP = Path(sysconfig.get_path("scripts")) / "dddp"
STOP_SECONDS = 30
TRACEBACK = "Traceback (most recent call last)"
# A server must not outlive tests that were killed: the kernel tells it (Linux: prctl(2)).
WITH_PARENT = """
import ctypes, os, signal, sys
if sys.platform == "linux":
    ctypes.CDLL(None).prctl(1, signal.SIGTERM)
os.execv(sys.argv[1], sys.argv[1:])
"""


class Server:
    """A running server; `stop()` and `start()` again keep its port.

    Args:
        arguments: options for the command, such as "--workers", "2".
        settings: settings of the test project; only `DDP_*`.
        env: further environment variables.
        program: what to start instead of `dddp`, which is given the address and the arguments.
        command: a whole command instead, with `{port}` where the port belongs.
        listening: what it writes to its log when it listens.
    """

    def __init__(
        self,
        directory: Path,
        *arguments: str,
        settings: Mapping[str, Any] | None = None,
        env: Mapping[str, str] | None = None,
        program: tuple[str, ...] = (str(DDDP),),
        command: tuple[str, ...] = (),
        listening: str = "Listening on",
    ) -> None:
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}/"
        self.ws_url = f"ws://127.0.0.1:{self.port}/websocket"
        command = command or (*program, "127.0.0.1:{port}", *arguments)
        self._command = [part.format(port=self.port) for part in command]
        self._listening = listening
        given = {name: json.dumps(value) for name, value in (settings or {}).items()}
        self._environment = {**os.environ, "PYTHONUNBUFFERED": "1", **given, **(env or {})}
        self._environment.pop("DJANGO_ALLOW_ASYNC_UNSAFE", None)
        self._log = directory / f"server-{self.port}.log"
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def log(self) -> str:
        """What it has written to stdout and stderr."""
        return self._log.read_text(errors="replace") if self._log.exists() else ""

    @property
    def pid(self) -> int:
        assert self._process is not None, "the server does not run"
        return self._process.pid

    def start(self) -> None:
        """Start it; returns when it listens."""
        seen = len(self.log)
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-c", WITH_PARENT, *self._command],
                env=self._environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        deadline = time.monotonic() + 60
        while self._listening not in self.log[seen:]:
            assert self._process.poll() is None, f"the server did not start:\n{self.log}"
            assert time.monotonic() < deadline, f"the server is not ready:\n{self.log}"
            time.sleep(0.02)

    def stop(self, signum: signal.Signals = signal.SIGTERM) -> int:
        """End it and wait; returns its exit code."""
        process, self._process = self._process, None
        assert process is not None, "the server does not run"
        process.send_signal(signum)
        try:
            return process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            pytest.fail(f"the server did not stop on {signum.name}:\n{self.log}")

    def kill(self) -> None:
        self.stop(signal.SIGKILL)

    @contextmanager
    def running(self) -> Iterator[Server]:
        self.start()
        try:
            yield self
        finally:
            if self._process is not None:
                self.stop()


class Watched:
    """A server as one test sees it: an unexpected traceback in its log fails the test."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._begin = len(server.log)
        self._expected: list[str] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self._server, name)

    @property
    def log(self) -> str:
        """What it has written since the test began."""
        return self._server.log[self._begin :]

    def expect_traceback(self, pattern: str) -> None:
        """Let the log have tracebacks whose last line matches (re.search); it must have one."""
        self._expected.append(pattern)

    def check(self) -> None:
        process = self._server._process
        assert process is None or process.poll() is None, f"the server has died:\n{self.log}"
        endings = [_last_line(part) for part in self.log.split(TRACEBACK)[1:]]
        for pattern in self._expected:
            assert any(re.search(pattern, end) for end in endings), f"no traceback of {pattern}"
        for end in endings:
            known = any(re.search(pattern, end) for pattern in self._expected)
            assert known, f"unexpected traceback in the server's log:\n{self.log}"


def _last_line(traceback: str) -> str:
    """The line that names the exception: the first one that is not indented."""
    lines = traceback.splitlines()[1:]
    return next((line for line in lines if line and not line[0].isspace()), "")
