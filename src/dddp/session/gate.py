"""Where tasks wait until somebody has changed what they wait for."""

from __future__ import annotations

import asyncio


class Gate:
    """Like a condition without its lock, on one event loop; empty while nobody waits.

    Each session has some, and hardly any is ever waited at: an `asyncio.Event` takes 800 bytes.

    Attributes:
        waiting: those who wait, None when nobody does.
    """

    __slots__ = ("waiting",)

    def __init__(self) -> None:
        self.waiting: list[asyncio.Future[None]] | None = None

    def open(self) -> None:
        """Let all go on who wait now."""
        waiting, self.waiting = self.waiting, None
        for future in waiting or ():
            if not future.done():
                future.set_result(None)

    async def wait(self) -> None:
        """Until it is opened the next time."""
        future = asyncio.get_running_loop().create_future()
        self.waiting = [*(self.waiting or ()), future]
        await future
