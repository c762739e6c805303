"""A server process as its supervisor sees it, and what runs inside it."""

from __future__ import annotations

import logging
import multiprocessing
import os
import signal
import socket
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from multiprocessing import resource_tracker
from multiprocessing.connection import Connection, wait
from typing import Any

from dddp.exceptions import DDPError
from dddp.server import project, worker
from dddp.server.options import Options

logger = logging.getLogger("dddp.server")

spawn = multiprocessing.get_context("spawn")

SHORTEST_LIFE = 1.0
"""Seconds from one start of a worker to the next after a crash."""


class Worker:
    """One server process and its sockets, over all its restarts.

    Attributes:
        ready: the process that runs now answers connections.
        check: run the system checks in each new process.
    """

    def __init__(self, options: Options, sockets: Sequence[socket.socket], *, check: bool) -> None:
        self._arguments = (options, list(sockets), check)
        self._process: Any = None
        self._told: Connection | None = None
        self._started_at = 0.0
        self.ready = False

    @property
    def alive(self) -> bool:
        """Whether the process runs."""
        return self._process is not None and self._process.is_alive()

    @property
    def due(self) -> bool:
        """Whether it may be started after a crash."""
        return time.monotonic() - self._started_at >= SHORTEST_LIFE

    @property
    def exit_code(self) -> int | None:
        """How the last process ended: negative for a signal, None while it runs."""
        code: int | None = self._process.exitcode
        return code

    @property
    def events(self) -> list[Any]:
        """What to wait on: its end, and its word that it is ready."""
        if not self.alive:
            return []
        return [self._process.sentinel, *([] if self._told is None else [self._told])]

    def start(self) -> None:
        """Start a process; the one before must have ended."""
        self._started_at = time.monotonic()
        self.ready = False
        self._told, tell = spawn.Pipe(duplex=False)
        self._process = spawn.Process(target=run, args=(*self._arguments, tell))
        # Starting the tracker, which spawning needs, would let interrupts through again.
        resource_tracker.ensure_running()
        with _interrupts_held():
            self._process.start()
        tell.close()
        logger.debug("Started server process %d", self._process.pid)

    def hear(self) -> None:
        """Take in its word that it is ready."""
        if self._told is not None and self._told.poll():
            with suppress(EOFError):
                self.ready = bool(self._told.recv())
            self._told.close()
            self._told = None

    def terminate(self) -> None:
        """Ask it to stop."""
        if self.alive:
            self._process.terminate()

    def kill(self) -> None:
        """End it at once."""
        if self.alive:
            logger.warning("Server process %d did not stop and is killed.", self._process.pid)
            self._process.kill()
            self._process.join()


def run(options: Options, sockets: list[socket.socket], check: bool, tell: Connection) -> None:
    """What a server process does."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    _unblock_interrupts()
    threading.Thread(target=_end_with_parent, daemon=True).start()
    try:
        project.load(options)
        if check:
            project.check()
    except DDPError as error:
        print(error, file=sys.stderr, flush=True)
        sys.exit(worker.STARTUP_FAILURE)
    except Exception:
        logger.exception("The project could not be loaded")
        sys.exit(worker.STARTUP_FAILURE)
    sys.exit(worker.serve(options, sockets, on_ready=lambda: tell.send(True)))


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        wait([parent.sentinel])
        os.kill(os.getpid(), signal.SIGTERM)


@contextmanager
def _interrupts_held() -> Iterator[None]:
    """A child started now does not get Ctrl-C while Python starts in it: that prints a traceback.

    The terminal sends SIGINT to all processes; the supervisor tells its workers to stop.
    """
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGINT])
    try:
        yield
    finally:
        _unblock_interrupts()


def _unblock_interrupts() -> None:
    if hasattr(signal, "pthread_sigmask"):
        signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGINT])
