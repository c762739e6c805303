"""Counts requests against the rules of how many there may be. No I/O; the clock is given."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable

from dddp.api.rate_limit import RateLimit, Request
from dddp.exceptions import MeteorError

COUNTERS = 100_000
"""Kept for a rule that is not per connection; beyond, those begun first are forgotten."""

Key = tuple[str, ...]


class _Window:
    """What one rule has counted since its window began.

    Counters of rules per connection are kept by connection, which takes them with it.
    """

    __slots__ = ("_limit", "began", "counters")

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self.began = -math.inf
        self.counters: dict[str | None, dict[Key, int]] = {}

    def add(self, holder: str | None, key: Key) -> int:
        counters = self.counters.setdefault(holder, {})
        count = counters[key] = counters.get(key, 0) + 1
        if len(counters) > self._limit:
            del counters[next(iter(counters))]
        return count


class RateLimiter:
    """Fixed windows: all counters of a rule restart with the first request after its window.

    Args:
        rules: gives those in force.
        clock: gives seconds that only grow.
        limit: counters kept for each rule.
    """

    def __init__(
        self,
        rules: Callable[[], Iterable[RateLimit]],
        clock: Callable[[], float],
        limit: int = COUNTERS,
    ) -> None:
        self._rules = rules
        self._clock = clock
        self._limit = limit
        self._windows: dict[RateLimit, _Window] = {}

    def require(self, request: Request) -> None:
        """Count a request, also one that is refused.

        Raises:
            MeteorError: too many; with the longest time to wait.
            Exception: whatever a rule's function raises.
        """
        now = self._clock()
        waits = [self._wait(rule, request, now) for rule in self._rules() if rule.matches(request)]
        longest = max(waits, default=0.0)
        if longest > 0:
            raise _too_many(longest)

    def forget(self, connection: str) -> None:
        """The connection is gone, and its id comes never again."""
        for window in self._windows.values():
            window.counters.pop(connection, None)

    def sweep(self) -> None:
        """Let go of windows that have ended."""
        now = self._clock()
        for rule, window in list(self._windows.items()):
            if now >= window.began + rule.seconds:
                del self._windows[rule]

    def _wait(self, rule: RateLimit, request: Request, now: float) -> float:
        """Seconds until the rule lets such requests through again; 0 if it does now."""
        window = self._windows.get(rule)
        if window is None or now >= window.began + rule.seconds:
            window = self._windows[rule] = _Window(self._limit)
            window.began = now
        holder = request.connection if "connection" in rule.per else None
        if window.add(holder, rule.key(request)) <= rule.requests:
            return 0.0
        return window.began + rule.seconds - now


def _too_many(seconds: float) -> MeteorError:
    """Meteor 3: `timeToReset` is in milliseconds, the sentence in seconds."""
    milliseconds = math.ceil(seconds * 1000)
    return MeteorError(
        "too-many-requests",
        f"Error, too many requests. Please slow down. You must wait "
        f"{math.ceil(milliseconds / 1000)} seconds before trying again.",
        {"timeToReset": milliseconds},
    )
