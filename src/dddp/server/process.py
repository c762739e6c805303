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


class Process:
    """One server process, which starts at once.

    Attributes:
        ready: it answers connections.
    """

    def __init__(self, arguments: tuple[Any, ...]) -> None:
        self.ready = False
        told, tell = spawn.Pipe(duplex=False)
        self._told: Connection | None = told
        self._process = spawn.Process(target=run, args=(*arguments, tell))
        # Starting the tracker, which spawning needs, would let interrupts through again.
        resource_tracker.ensure_running()
        with _interrupts_held():
            self._process.start()
        tell.close()
        logger.debug("Started server process %d", self._process.pid)

    @property
    def alive(self) -> bool:
        """Whether it runs."""
        return self._process.is_alive()

    @property
    def exit_code(self) -> int | None:
        """How it ended: negative for a signal, None while it runs."""
        return self._process.exitcode

    @property
    def events(self) -> list[Any]:
        """What to wait on: its end, and its word that it is ready."""
        if not self.alive:
            return []
        return [self._process.sentinel, *([] if self._told is None else [self._told])]

    def hear(self) -> None:
        """Take in its word that it is ready."""
        if self._told is not None and self._told.poll():
            with suppress(EOFError):
                self.ready = bool(self._told.recv())
            self._told.close()
            self._told = None

    def stop(self, *, at_once: bool) -> None:
        """Ask it to stop; unless `at_once`, it lets its clients go one after the other."""
        # One that is not ready may not know the signal yet, which would end it with a core dump.
        sig = worker.AT_ONCE if at_once and self.ready else signal.SIGTERM
        if self.alive and self._process.pid is not None:
            os.kill(self._process.pid, sig)

    def kill(self) -> None:
        """End it now."""
        if self.alive:
            logger.warning("Server process %d did not stop and is killed.", self._process.pid)
            self._process.kill()
            self._process.join()


class Worker:
    """The place of one server process and its sockets, over all its restarts."""

    def __init__(self, options: Options, sockets: Sequence[socket.socket], *, check: bool) -> None:
        """`check`: run the system checks in each new process."""
        self._arguments = (options, list(sockets), check)
        self._process: Process | None = None
        self._successor: Process | None = None
        self._predecessor: Process | None = None
        self._started_at = 0.0

    @property
    def alive(self) -> bool:
        """Whether its process runs."""
        return self._process is not None and self._process.alive

    @property
    def ready(self) -> bool:
        """Its process answers connections."""
        return self._process is not None and self._process.ready

    @property
    def due(self) -> bool:
        """Whether it may be started after a crash."""
        return time.monotonic() - self._started_at >= SHORTEST_LIFE

    @property
    def exit_code(self) -> int | None:
        """How its last process ended."""
        return None if self._process is None else self._process.exit_code

    @property
    def changes(self) -> bool:
        """One process takes the place of another."""
        return self._successor is not None or self._predecessor is not None

    @property
    def events(self) -> list[Any]:
        """What to wait on."""
        return [event for each in self._all() for event in each.events]

    def start(self) -> None:
        """Start a process; the one before must have ended."""
        self._started_at = time.monotonic()
        self._process = Process(self._arguments)

    def replace(self) -> None:
        """Start a process that takes the place of the present one once it is ready."""
        self._successor = Process(self._arguments)

    def hear(self) -> bool:
        """Take in what has happened; False if a process could not take another's place."""
        for each in self._all():
            each.hear()
        if self._predecessor is not None and not self._predecessor.alive:
            self._predecessor = None
        if self._successor is None:
            return True
        if self._successor.ready:
            self._predecessor, self._process = self._process, self._successor
            self._successor = None
            self._started_at = time.monotonic()
            if self._predecessor is not None:
                self._predecessor.stop(at_once=False)
        elif not self._successor.alive:
            self._successor = None
            return False
        return True

    def stop(self, *, at_once: bool) -> None:
        """Ask all that runs here to stop."""
        for each in self._all():
            if each is not self._predecessor or at_once:
                each.stop(at_once=at_once)

    def kill(self) -> None:
        """End all that runs here."""
        for each in self._all():
            each.kill()

    @property
    def ended(self) -> bool:
        """Nothing runs here any more."""
        return not any(each.alive for each in self._all())

    def _all(self) -> list[Process]:
        return [each for each in (self._predecessor, self._process, self._successor) if each]


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
    heeds = (signal.SIGTERM, worker.AT_ONCE)
    sys.exit(worker.serve(options, sockets, on_ready=lambda: tell.send(True), heeds=heeds))


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
