"""How many connections an address may have, and how many messages a connection may send."""

from __future__ import annotations

import logging
import math
import time
from collections import Counter
from collections.abc import Callable

from dddp.api.rate_limit import site_of

logger = logging.getLogger("dddp.session")

SILENT_SECONDS = 60.0
"""How long the log does not repeat that an address is at its limit."""


class Addresses:
    """Counts connections by address; an IPv6 network of 64 bits is one.

    What has no address, as on a unix socket without a proxy that tells, is not counted.

    Args:
        clock: seconds, monotonic.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._counts: Counter[str] = Counter()
        self._told: dict[str, float] = {}
        """When; the latest last."""
        self._clock = clock

    def is_full(self, address: str, limit: int | None) -> bool:
        """May this address have no more?"""
        return limit is not None and bool(address) and self._counts[site_of(address)] >= limit

    def add(self, address: str, limit: int | None) -> None:
        """A new connection; the log has who reaches the limit, once a minute at most."""
        if address:
            site = site_of(address)
            self._counts[site] += 1
            if self._counts[site] == limit and not self._was_told(site):
                logger.warning("%s has %d connections and may have no more.", site, limit)

    def remove(self, address: str) -> None:
        """One is gone."""
        if address:
            site = site_of(address)
            self._counts[site] -= 1
            if self._counts[site] <= 0:
                del self._counts[site]

    def _was_told(self, site: str) -> bool:
        """Has the log had it a moment ago? From now on it has."""
        now = self._clock()
        while self._told and now - next(iter(self._told.values())) >= SILENT_SECONDS:
            del self._told[next(iter(self._told))]
        if site in self._told:
            return True
        self._told[site] = now
        return False


class MessageRate:
    """Windows that begin with the first message after the last one has ended.

    Args:
        messages, seconds: so many of one connection in so long a time.
    """

    __slots__ = ("_began", "_count", "_messages", "_seconds")

    def __init__(self, messages: int, seconds: float) -> None:
        self._messages = messages
        self._seconds = seconds
        self._began = -math.inf
        self._count = 0

    def admits(self, now: float) -> bool:
        """Count a message; False if it is one too many."""
        if now >= self._began + self._seconds:
            self._began, self._count = now, 0
        self._count += 1
        return self._count <= self._messages
