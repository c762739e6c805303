"""Live queries that are kept for a while after their session: its client may subscribe anew.

So a client that comes back and cannot resume its session (its process has given it up, or a
message was lost) costs the database nothing, and neither do thousands of them.
"""

from __future__ import annotations

from collections.abc import Iterable

from dddp.livequery.engine import Engine
from dddp.livequery.query import LiveQuery
from dddp.session.expiring import Expiring

MOST = 10_000
"""Different queries kept; beyond, the oldest go."""
AT_ONCE = 50
"""Released in one go."""


class Lingering:
    """Holds live queries until their time is over. Use it on the event loop only."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._held: Expiring[LiveQuery] = Expiring(engine.release, AT_ONCE)

    def __len__(self) -> int:
        return len(self._held)

    def hold(self, queries: Iterable[LiveQuery], seconds: float) -> None:
        """Keep them for so long, from now on; somebody else must hold them now."""
        for query in queries if seconds > 0 else ():
            if query not in self._held:
                query.users += 1
            self._held.keep(query, seconds)
        while len(self._held) > MOST:
            self._release(next(iter(self._held)))

    def end(self) -> None:
        """Let go of all."""
        self._held.stop()
        for query in list(self._held):
            self._release(query)

    def _release(self, query: LiveQuery) -> None:
        self._held.discard(query)
        self._engine.release(query)
