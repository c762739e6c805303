"""Keeps server processes running: N workers, or one that starts anew when code changes."""

from __future__ import annotations

import logging
import signal
import socket
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from multiprocessing.connection import wait
from types import FrameType

from dddp.server import worker
from dddp.server.process import Worker
from dddp.server.reload import Watch

logger = logging.getLogger("dddp.server")

TICK_SECONDS = 1.0
"""How often the files are looked at."""

KILL_SECONDS = 5.0
"""After the longest time that a worker may take to stop, it is killed."""

HANGUP: signal.Signals | None = getattr(signal, "SIGHUP", None)


class Signals:
    """Counts SIGINT and SIGTERM, and wakes up who waits for something else.

    Attributes:
        first: the first of them.
        restart: SIGHUP came; None: it is not heeded.

    Args:
        restarts: heed SIGHUP. Not at a terminal, whose end it tells there.
    """

    def __init__(self, restarts: bool) -> None:
        self.count = 0
        self.first: int | None = None
        self.restart = False
        self._heard, self._told = socket.socketpair()
        self._heard.setblocking(False)
        self._told.setblocking(False)
        for number in worker.SIGNALS:
            signal.signal(number, self._count)
        if restarts and HANGUP is not None and not sys.stdin.isatty():
            signal.signal(HANGUP, self._hang_up)

    def wait(self, workers: Sequence[Worker], seconds: float) -> None:
        """Return after a signal, when a worker ends or gets ready, or after so many seconds."""
        events = [event for each in workers for event in each.events]
        if self._heard in wait([self._heard, *events], timeout=seconds):
            self._heard.recv(1024)

    def _count(self, sig: int, frame: FrameType | None) -> None:
        self.count += 1
        self.first = self.first or sig
        self._wake()

    def _hang_up(self, sig: int, frame: FrameType | None) -> None:
        self.restart = True
        self._wake()

    def _wake(self) -> None:
        with suppress(BlockingIOError):
            self._told.send(b"!")


class Supervisor:
    """Starts the workers, replaces those that die, stops all.

    On SIGHUP all are replaced, one after the other, each when another one is ready in its place.

    Args:
        workers: not started yet.
        on_ready: called when all answer connections; with `watch`, after each new start.
        watch: restart the workers on each change it sees; a worker that dies or cannot start
            then waits for one.
    """

    def __init__(
        self,
        workers: Sequence[Worker],
        on_ready: Callable[[], None],
        watch: Watch | None = None,
    ) -> None:
        self._workers = workers
        self._on_ready = on_ready
        self._watch = watch
        self._signals = Signals(restarts=watch is None)
        self._replaces = False
        self._to_replace: list[Worker] = []
        self._ready_once = False
        self._announced = False
        self._mourned = False

    def run(self, on_stop: Callable[[], None]) -> int:
        """Until a signal, or until a worker could not start at all. Returns the exit code.

        Args:
            on_stop: called before the workers are stopped.
        """
        self._start_all()
        code: int | None = None
        try:
            while code is None and not self._signals.count:
                self._signals.wait(self._workers, TICK_SECONDS)
                code = self._look()
        finally:
            on_stop()
            self._stop_all(at_once=self._signals.first != signal.SIGTERM)
        return code or 0

    def _look(self) -> int | None:
        took_over = [each.hear() for each in self._workers]
        if not self._announced and all(each.ready for each in self._workers):
            self._announced = self._ready_once = True
            self._on_ready()
        if self._watch is not None:
            self._follow(self._watch)
            return None
        self._replace_next(all(took_over))
        return self._replace_dead()

    def _replace_next(self, took_over: bool) -> None:
        if self._signals.restart:
            self._signals.restart = False
            self._to_replace = list(self._workers)
            self._replaces = True
            logger.info("All server processes are replaced, one after the other.")
        if not took_over:
            self._replaces = False
            logger.error("A new server process could not start: the others go on as they are.")
        if not self._replaces or any(each.changes for each in self._workers):
            return
        if self._to_replace:
            self._to_replace.pop(0).replace()
        else:
            self._replaces = False
            logger.info("All server processes have been replaced.")

    def _replace_dead(self) -> int | None:
        for each in self._workers:
            if each.alive:
                continue
            if each.exit_code == worker.STARTUP_FAILURE and not self._ready_once:
                return 1
            if each.due:
                logger.error("A server process ended (%s) and is replaced.", each.exit_code)
                each.start()
        return None

    def _follow(self, watch: Watch) -> None:
        path = watch.changed()
        if path is not None:
            logger.info("%s changed: starting anew.", path)
            self._stop_all(at_once=True)
            self._start_all()
        elif not self._mourned and not all(each.alive for each in self._workers):
            self._mourned = True
            logger.error("The server has stopped; it starts anew when the code changes.")

    def _start_all(self) -> None:
        self._announced = self._mourned = False
        for each in self._workers:
            each.start()

    def _stop_all(self, *, at_once: bool) -> None:
        """Ask all to stop and wait; a second signal, or too long a time, kills them."""
        for each in self._workers:
            each.stop(at_once=at_once)
        patience = worker.longest_stop(drains=not at_once) + KILL_SECONDS
        deadline = time.monotonic() + patience
        while not all(each.ended for each in self._workers):
            left = deadline - time.monotonic()
            if left <= 0 or self._signals.count > 1:
                break
            self._signals.wait(self._workers, min(left, TICK_SECONDS))
            for each in self._workers:
                each.hear()
        for each in self._workers:
            each.kill()
