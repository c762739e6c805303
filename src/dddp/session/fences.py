"""Write fences: a method's `updated` waits until what the method wrote has come back.

The last statement of a method's transaction notifies a token. Notifications arrive in commit
order, so whoever hears the token has heard every change of that transaction before.
"""

from __future__ import annotations

import asyncio
import itertools


class Fences:
    """The tokens of this process that have not come back yet."""

    def __init__(self) -> None:
        self._numbers = itertools.count(1)
        self._waiting: dict[str, asyncio.Future[None]] = {}

    def new(self) -> tuple[str, asyncio.Future[None]]:
        """A token, and what is done once it has come back. `drop` it if it is not sent."""
        token = str(next(self._numbers))
        self._waiting[token] = asyncio.get_running_loop().create_future()
        return token, self._waiting[token]

    def drop(self, token: str) -> None:
        """The token is not coming."""
        future = self._waiting.pop(token, None)
        if future is not None:
            future.cancel()

    def reached(self, token: str) -> None:
        """The token has come."""
        future = self._waiting.pop(token, None)
        if future is not None and not future.done():
            future.set_result(None)

    def outstanding(self) -> list[str]:
        """Tokens not yet come: lost, if the change feed was interrupted."""
        return list(self._waiting)
