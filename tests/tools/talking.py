"""Saying things to a server and knowing what it has answered to them."""

from __future__ import annotations

import itertools
from typing import Any

from dddp.testing.client import DDPClient

Message = dict[str, Any]


class Talk:
    """A client that says messages and hears everything they led to.

    What is said is handled in order: once the answer to a last `unsub` of an id never used has
    come, nothing else will.
    """

    def __init__(self, client: DDPClient) -> None:
        self.client = client
        self._numbers = itertools.count()
        self._heard = len(client.messages)

    async def say(self, *messages: Message | str | bytes) -> list[Message]:
        """Send dicts as messages, texts and bytes as they are.

        Returns every message that has come since `say` returned before.
        """
        end = f"end-{next(self._numbers)}"
        for message in (*messages, {"msg": "unsub", "id": end}):
            await self._send(message)
        await self.client.wait_for(lambda: end in self.client.ended)
        heard, self._heard = self._heard, len(self.client.messages)
        return [each for each in self.client.messages[heard:] if each.get("id") != end]

    async def _send(self, message: Message | str | bytes) -> None:
        if isinstance(message, dict):
            await self.client.send(message)
        else:
            await self.client.send_text(message)


def sub(id: str, name: str, *params: Any) -> Message:
    return {"msg": "sub", "id": id, "name": name, "params": list(params)}


def unsub(id: str) -> Message:
    return {"msg": "unsub", "id": id}


def method(id: str, name: str, *params: Any) -> Message:
    return {"msg": "method", "id": id, "method": name, "params": list(params)}


def names(messages: list[Message]) -> list[str]:
    return [message["msg"] for message in messages]
