"""One timer for many who are rarely due: one for each would cost 0.6 KB and CPU when they come."""

from __future__ import annotations

import asyncio
import logging
import math
from typing import Protocol

logger = logging.getLogger("dddp.session")

PER_SECOND = 10
"""Who is due is woken up to a tenth of a second late."""


class Sleeper(Protocol):
    """Who wants to be woken."""

    def wake(self) -> None:
        """It is time."""


class Alarms:
    """Those of one process; on the event loop only."""

    def __init__(self) -> None:
        self._due: dict[int, dict[Sleeper, None]] = {}
        self._timer: asyncio.TimerHandle | asyncio.Handle | None = None
        self._next = 0

    def set(self, sleeper: Sleeper, when: float) -> int:
        """Have it woken at `when`, in the event loop's seconds; returns what `drop` needs."""
        slot = math.ceil(when * PER_SECOND)
        self._due.setdefault(slot, {})[sleeper] = None
        if self._timer is None or slot < self._next:
            self._wait_for(slot)
        return slot

    def drop(self, sleeper: Sleeper, slot: int) -> None:
        """Do not wake it any more."""
        self._due.get(slot, {}).pop(sleeper, None)

    def _wait_for(self, slot: int) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._next = slot
        self._timer = asyncio.get_running_loop().call_at(slot / PER_SECOND, self._ring)

    def _ring(self) -> None:
        self._timer = None
        now = asyncio.get_running_loop().time()
        for slot in sorted(slot for slot in self._due if slot / PER_SECOND <= now):
            for sleeper in self._due.pop(slot):
                try:
                    sleeper.wake()
                except Exception:
                    logger.exception("A heartbeat failed")
        if self._due:
            self._wait_for(min(self._due))
