"""DDP clients written by others, each in a node process of its own: see drivers/driver.mjs."""

from __future__ import annotations

import asyncio
import itertools
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, Self

HERE = Path(__file__).parent
DRIVER = HERE / "drivers" / "driver.mjs"
SECONDS = 30

Snapshot = dict[str, dict[str, dict[str, Any]]]


class Refused(Exception):
    """The server answered with an error: `error` and `reason`."""

    def __init__(self, error: Any, reason: str | None) -> None:
        super().__init__(error, reason)
        self.error = error
        self.reason = reason


class ThirdPartyClient:
    """One client; an async context manager.

    `snapshot` is what the client has now: collection -> id -> fields; `snapshots` are all it has
    had, as far as it has said. `status` is "connected" or
    "disconnected", as the client says.
    """

    def __init__(self, name: str, *arguments: str) -> None:
        self.name = name
        self._arguments = arguments
        self.snapshot: Snapshot = {}
        self.snapshots: list[Snapshot] = []
        self.status = "disconnected"
        self._connects = 0
        self._ids = itertools.count(1)
        self._answers: dict[int, dict[str, Any]] = {}
        self._news = asyncio.Condition()
        self._ended = False

    async def __aenter__(self) -> Self:
        self._process = await asyncio.create_subprocess_exec(
            "node",
            str(DRIVER),
            self.name,
            *self._arguments,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            # Of use to people only, and pytest shows it with a failure.
            stderr=sys.stderr.fileno(),
            limit=16 * 1024 * 1024,
        )
        self._reader = asyncio.create_task(self._read())
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        try:
            await asyncio.wait_for(self._process.wait(), SECONDS)
        except TimeoutError:
            self._process.kill()
            await self._process.wait()
        await self._reader

    async def connect(self, url: str) -> None:
        await self._command("connect", url)

    async def subscribe(self, name: str, *params: Any) -> Any:
        """Returns a handle for `unsubscribe` once ready. Raises Refused."""
        return await self._command("subscribe", name, *params)

    async def unsubscribe(self, handle: Any) -> None:
        await self._command("unsubscribe", handle)

    async def call(self, method: str, *params: Any) -> Any:
        """Raises Refused."""
        return await self._command("call", method, *params)

    async def write(self, collection: str, kind: str, *params: Any) -> Any:
        """Have it insert, update or remove by itself. Raises Refused."""
        return await self._command("write", collection, kind, *params)

    async def account(self, name: str, *params: Any) -> Any:
        """Have it log in, or what else it does for accounts. Raises Refused."""
        return await self._command("account", name, *params)

    async def shows(self, wanted: Snapshot) -> None:
        """Wait until the client has these documents, no more and no fewer."""
        await self._until(lambda: self.snapshot == wanted, f"to show {wanted}")

    async def becomes(self, status: str) -> None:
        await self._until(lambda: self.status == status, f"to be {status}")

    async def reconnects(self) -> None:
        """Wait until the client has connected a second time."""
        await self._until(lambda: self._connects > 1, "to reconnect")

    async def _command(self, do: str, *with_: Any) -> Any:
        id = next(self._ids)
        assert self._process.stdin is not None
        line = json.dumps({"id": id, "do": do, "with": with_})
        self._process.stdin.write(line.encode() + b"\n")
        await self._until(lambda: id in self._answers, f"to {do} {with_}")
        answer = self._answers.pop(id)
        if "error" in answer:
            raise Refused(**answer["error"])
        return answer["value"]

    async def _until(self, condition: Callable[[], bool], what: str) -> None:
        try:
            async with asyncio.timeout(SECONDS), self._news:
                await self._news.wait_for(lambda: condition() or self._ended)
        except TimeoutError:
            pass
        assert condition(), (
            f"{self.name} was expected {what}\nit is {self.status}\nit shows {self.snapshot}"
        )

    async def _read(self) -> None:
        assert self._process.stdout is not None
        async for line in self._process.stdout:
            await self._take(json.loads(line))
        self._ended = True
        async with self._news:
            self._news.notify_all()

    async def _take(self, message: dict[str, Any]) -> None:
        if "snapshot" in message:
            self.snapshot = message["snapshot"]
            self.snapshots.append(self.snapshot)
        elif "status" in message:
            self.status = message["status"]
            self._connects += self.status == "connected"
        else:
            self._answers[message["id"]] = message
        async with self._news:
            self._news.notify_all()
