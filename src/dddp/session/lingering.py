"""Live queries that are kept for a while after their session: its client may subscribe anew.

So a client that comes back and cannot resume its session (its process has given it up, or a
message was lost) costs the database nothing, and neither do thousands of them.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable

from dddp.livequery.engine import Engine
from dddp.livequery.query import LiveQuery

MOST = 10_000
"""Different queries kept; beyond, the oldest go."""
AT_ONCE = 50
"""Released in one go."""


class Lingering:
    """Holds live queries until their time is over. Use it on the event loop only."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._until: dict[LiveQuery, float] = {}
        """The oldest first."""
        self._timer: asyncio.Handle | None = None

    def __len__(self) -> int:
        return len(self._until)

    def hold(self, queries: Iterable[LiveQuery], seconds: float) -> None:
        """Keep them for so long, from now on; somebody else must hold them now."""
        loop = asyncio.get_running_loop()
        until = loop.time() + seconds
        for query in queries if seconds > 0 else ():
            if self._until.pop(query, None) is None:
                query.users += 1
            self._until[query] = until
        while len(self._until) > MOST:
            self._release(next(iter(self._until)))
        if self._timer is None and self._until:
            self._timer = loop.call_later(seconds, self._release_old_ones)

    def end(self) -> None:
        """Let go of all."""
        if self._timer is not None:
            self._timer.cancel()
        for query in list(self._until):
            self._release(query)

    def _release_old_ones(self) -> None:
        loop = asyncio.get_running_loop()
        self._timer = None
        for _ in range(AT_ONCE):
            oldest = next(iter(self._until), None)
            if oldest is None:
                return
            if self._until[oldest] > loop.time():
                self._timer = loop.call_at(self._until[oldest], self._release_old_ones)
                return
            self._release(oldest)
        self._timer = loop.call_soon(self._release_old_ones)

    def _release(self, query: LiveQuery) -> None:
        del self._until[query]
        self._engine.release(query)
