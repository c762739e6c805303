"""Work that a client does not wait for, so that its time tells the client nothing."""

from __future__ import annotations

import logging
import secrets
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from django.db import connections

logger = logging.getLogger("dddp.accounts")

MOST_WAITING = 1000

SPREAD_SECONDS = 1.0
"""Within which work begins whose length nobody shall learn by what is answered after it."""

_pool = ThreadPoolExecutor(1, thread_name_prefix="dddp-accounts-mail")
_room = threading.BoundedSemaphore(MOST_WAITING)


def submit(job: Callable[..., Any], *args: Any) -> None:
    """Call `job(*args)` in a thread of its own, after those before it; what it raises is logged.

    The process does not end before all are done. Too many are dropped, which is logged.
    """
    if not _room.acquire(blocking=False):
        logger.error("%s mails wait to be sent: this one is dropped.", MOST_WAITING)
        return
    try:
        _pool.submit(_run, job, args)
    except RuntimeError:  # the process ends, and waits for what is here only
        _run(job, args)


def submit_some_time(job: Callable[..., Any], *args: Any) -> None:
    """Like `submit`, beginning at a random time within `SPREAD_SECONDS`."""
    begin = time.monotonic() + secrets.randbelow(1000) / 1000 * SPREAD_SECONDS
    submit(_begin, begin, job, args)


def _begin(when: float, job: Callable[..., Any], args: tuple[Any, ...]) -> None:
    time.sleep(max(0.0, when - time.monotonic()))
    job(*args)


def _run(job: Callable[..., Any], args: tuple[Any, ...]) -> None:
    try:
        job(*args)
    except Exception:
        logger.exception("A mail could not be sent")
    finally:
        _room.release()
        connections.close_all()
