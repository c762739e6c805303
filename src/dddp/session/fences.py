"""Write fences: a method's `updated` waits until what the method wrote has come back.

The last statement of a method's transaction notifies a token. Notifications arrive in commit
order, so whoever hears the token has heard every change of that transaction before. Tokens on
their way when the link is lost never come: then `interrupted` lets all waiters go on, who see by
the epoch that they have to send another.
"""

from __future__ import annotations

import asyncio
import itertools
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, eq=False)
class Waiting:
    """A token on its way; `passed` is done once it has come or has been lost."""

    token: str
    epoch: int
    passed: asyncio.Future[None]


class Fences:
    """The tokens of this process that have not come back yet.

    Attributes:
        epoch: how often the link was interrupted.
    """

    def __init__(self) -> None:
        self.epoch = 0
        self._numbers = itertools.count(1)
        self._waiting: dict[str, Waiting] = {}

    def new(self) -> Waiting:
        """A token to send. `drop` it if it is not sent."""
        future = asyncio.get_running_loop().create_future()
        fence = Waiting(str(next(self._numbers)), self.epoch, future)
        self._waiting[fence.token] = fence
        return fence

    def drop(self, fence: Waiting) -> None:
        """The token is not coming."""
        self._waiting.pop(fence.token, None)
        fence.passed.cancel()

    def reached(self, token: str) -> None:
        """The token has come."""
        fence = self._waiting.pop(token, None)
        if fence is not None and not fence.passed.done():
            fence.passed.set_result(None)

    def interrupted(self) -> None:
        """The link has been lost and is back: what was on its way is lost."""
        self.epoch += 1
        for token in list(self._waiting):
            self.reached(token)

    def outstanding(self) -> list[str]:
        """Tokens that have not come yet."""
        return list(self._waiting)
