"""A client with much to do, which does it to the end over whatever connections it gets."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

from dddp.testing.client import DDPClient
from tools.talking import method, sub, unsub

Message = dict[str, Any]
Sql = Callable[..., Awaitable[None]]


class Busy:
    """Subscribes, calls and logs in while others write; one step after the other.

    Args:
        client: not open yet.
        sql: runs a statement as somebody else.
        settled: returns when nothing is on its way to those who listen.
        login: parameters of the method `login`.

    Attributes:
        resumed: of each lost connection, whether its session was resumed.
    """

    def __init__(
        self,
        client: DDPClient,
        sql: Sql,
        settled: Callable[[], Awaitable[None]],
        login: Message,
    ) -> None:
        self.client = client
        self.resumed: list[bool] = []
        self._sql = sql
        self._settled = settled
        self._login = login
        self._logins = 0

    @property
    def told(self) -> list[Message]:
        """What the server has said, but for what is about connections, and secrets."""
        return [
            {**each, "result": None} if "token" in str(each.get("result")) else each
            for each in self.client.messages
            if each["msg"] not in ("connected", "ping", "pong")
        ]

    async def run(self) -> None:
        """Do everything; returns when the client has what the database has."""
        client = self.client
        with contextlib.suppress(ConnectionError, AssertionError):
            await client.open()
            await client.connect()
        for act, done in self._steps():
            await act
            await self.until(done)
            await self._settled()

    async def until(self, done: Callable[[], Any]) -> None:
        client = self.client
        while not done():
            await client.wait_for(lambda: client.closed or done())
            if not done():
                await self._come_back()

    async def _come_back(self) -> None:
        await self._settled()
        resumed = await self.client.reconnect()
        self.resumed.append(resumed)
        if self._logins and not resumed:
            await self._log_in()

    async def _say(self, *messages: Message) -> None:
        for message in messages:
            self.client.sent(message)
            with contextlib.suppress(ConnectionError):
                await self.client.send_text(json.dumps(message))

    async def _log_in(self) -> None:
        self._logins += 1
        await self._say(method(f"login{self._logins}", "login", self._login))

    async def _write(self, *statements: str) -> None:
        for statement in statements:
            await self._sql(statement)
            # A query that asks the database may be behind one that does not.
            await self._settled()

    def _steps(self) -> Iterator[tuple[Awaitable[None], Callable[[], Any]]]:
        client, collections = self.client, self.client.collections

        def keyed() -> dict[str, Message]:
            return collections["zoo.keyed"]

        def updated(*ids: str) -> bool:
            return all(id in client.results and id in client.updated for id in ids)

        yield self._say(sub("all", "AllKeyed")), lambda: "all" in client.ready
        yield self._say(method("m1", "wire/put", "a", "1")), lambda: updated("m1")
        yield self._write(insert("b")), lambda: "b" in keyed()
        yield self._log_in(), lambda: updated(f"login{self._logins}") and collections["users"]
        yield (
            self._say(
                sub("from", "KeyedFrom", "b"),
                method("m2", "wire/put", "c", "3"),
                method("m3", "wire/drop", "a"),
            ),
            lambda: updated("m2", "m3") and "from" in client.ready,
        )
        yield (
            self._write(
                "UPDATE zoo_keyed SET value = 'x' WHERE key = 'b'",
                "DELETE FROM zoo_keyed WHERE key = 'c'",
                insert("d"),
            ),
            lambda: "d" in keyed() and "c" not in keyed(),
        )
        yield (
            self._say(unsub("all"), sub("keys", "KeysOnly"), method("m4", "wire/echo", 1)),
            lambda: updated("m4") and "all" in client.ended and "keys" in client.ready,
        )
        yield self._write(insert("e")), lambda: "e" in keyed()
        yield (
            self._say(unsub("from"), sub("no", "Refused")),
            lambda: {"from", "no"} <= set(client.ended),
        )
        yield (
            self._say(method("m5", "wire/put", "f", "6")),
            lambda: updated("m5") and keyed() == {key: {} for key in "bdef"},
        )


def insert(key: str) -> str:
    return f"INSERT INTO zoo_keyed (key, value) VALUES ('{key}', '{key}')"
