"""A fair share of the event loop for those who have much to do."""

from __future__ import annotations

import asyncio
from collections import deque


class Turns:
    """Lets one task go on in each round of the event loop, in order of asking.

    However many have long work, which they do in short pieces, everyone else waits for one
    piece of it and not for one of each.
    """

    def __init__(self) -> None:
        self._waiting: deque[asyncio.Future[None]] = deque()

    @property
    def busy(self) -> bool:
        """Somebody waits for a turn."""
        return bool(self._waiting)

    async def next(self) -> None:
        """Wait for a turn."""
        loop = asyncio.get_running_loop()
        future = loop.create_future()
        if not self._waiting:
            loop.call_soon(self._let_one_go_on)
        self._waiting.append(future)
        await future

    def _let_one_go_on(self) -> None:
        while self._waiting:
            future = self._waiting.popleft()
            if not future.done():
                future.set_result(None)
                break
        if self._waiting:
            asyncio.get_running_loop().call_soon(self._let_one_go_on)
