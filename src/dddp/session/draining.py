"""The end of all connections before the server stops: one after the other, none within a call."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Collection
from typing import Protocol

RESTART = (1012, "Service restart")

LONGEST_PAUSE = 0.05
"""Seconds between two of them: a few are not worth all the time there is."""


class Leaving(Protocol):
    """What is asked of a connection."""

    async def leave(self, patience: float, code: int, reason: str) -> None:
        """See `dddp.session.attachment.Attachment`."""


async def drain(connections: Collection[Leaving], spread: float, patience: float) -> None:
    """Close these connections in any order; returns when all have been, or have had their time.

    Args:
        spread: seconds from the first close to the last, so that the clients do not all come
            to the other servers at once; less for a few.
        patience: seconds that the calls of a client may still take.
    """
    pause = min(spread / max(len(connections), 1), LONGEST_PAUSE)
    leaving: set[asyncio.Future[None]] = set()
    try:
        for connection in random.sample(list(connections), len(connections)):
            leaving.add(asyncio.ensure_future(connection.leave(patience, *RESTART)))
            await asyncio.sleep(pause)
        if leaving:
            await asyncio.wait(leaving)
    finally:
        for each in leaving:
            each.cancel()
