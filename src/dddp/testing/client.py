"""`DDPClient`: a DDP client for tests, strict about what the server may send.

async with DDPClient("ws://127.0.0.1:8000/websocket") as client:
    await client.subscribe("AllBooks")
    assert await client.call("bookstore/set_pages", "1", 300) is None
    await client.wait_for(lambda: client.collections["bookstore.book"]["1"]["pages"] == 300)
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import random
from collections import defaultdict
from collections.abc import Callable
from typing import Any, Self
from urllib.parse import urlsplit, urlunsplit

import msgspec
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from dddp import ejson
from dddp.alea import random_id
from dddp.exceptions import MeteorError

Message = dict[str, Any]


class Subscription:
    """A subscription that is ready."""

    def __init__(self, client: DDPClient, id: str) -> None:
        self._client = client
        self.id = id

    async def stop(self) -> None:
        """End it; returns once the server has said so, its documents removed."""
        await self._client.send({"msg": "unsub", "id": self.id})
        await self._client.wait_for(lambda: self.id in self._client.ended)


class DDPClient:
    """One connection.

    Args:
        url: of the raw WebSocket; with `sockjs` the server's SockJS path beside it is used.
        timeout: seconds that anything awaited here may take.
        options: for `websockets.asyncio.client.connect`.

    Attributes:
        collections: name -> id -> fields, as a client sees them.
        messages: every message received, in order.
        violations: what a Meteor client would stumble over, such as `added` for a known id.
        ended: ids of subscriptions that got `nosub`, with their error or None.
        closed: (code, reason) once the connection is closed.
    """

    def __init__(
        self, url: str, sockjs: bool = False, timeout: float = 20.0, **options: Any
    ) -> None:
        self.url = sockjs_url(url) if sockjs else url
        self.collections: defaultdict[str, dict[str, Message]] = defaultdict(dict)
        self.messages: list[Message] = []
        self.violations: list[str] = []
        self.ended: dict[str, Message | None] = {}
        self.closed: tuple[int, str] | None = None
        self.session: str | None = None
        self._sockjs = sockjs
        self._timeout = timeout
        self._options = {"max_size": None, "compression": None, "ping_interval": None, **options}
        self._socket: ClientConnection | None = None
        self._reader: asyncio.Task[None] | None = None
        self._news = asyncio.Condition()
        self._ready: set[str] = set()
        self._updated: set[str] = set()
        self._results: dict[str, Message] = {}
        self._calls = 0

    async def __aenter__(self) -> Self:
        await self.open()
        await self.connect()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def open(self) -> None:
        """Open the socket; nothing is sent yet."""
        self._socket = await connect(self.url, **self._options)
        self._reader = asyncio.create_task(self._read(self._socket))

    async def connect(self, version: str = "1", support: tuple[str, ...] = ("1",)) -> None:
        """Agree on a DDP version. Raises ConnectionError if there is none."""
        await self.send({"msg": "connect", "version": version, "support": list(support)})
        await self.wait_for(lambda: self.session or self.closed)
        if self.session is None:
            raise ConnectionError(f"The server did not connect: {self.messages[-1:]}")

    async def close(self) -> None:
        """Close the socket."""
        if self._socket is not None:
            await self._socket.close()
        if self._reader is not None:
            await self._reader

    async def send(self, message: Message) -> None:
        """Send one message as it is."""
        await self.send_text(json.dumps(message))

    async def send_text(self, text: str | bytes) -> None:
        """Send any text as one message."""
        if self._socket is None:
            raise ConnectionError("The client is not open.")
        await self._socket.send(json.dumps([text]) if self._sockjs else text)

    async def subscribe(self, name: str, *params: Any) -> Subscription:
        """Subscribe and wait until it is ready. Raises MeteorError when the server refuses."""
        id = random_id()
        message = {"msg": "sub", "id": id, "name": name, "params": ejson.to_json(list(params))}
        await self.send(message)
        await self.wait_for(lambda: id in self._ready or id in self.ended)
        if id in self.ended:
            raise _error(self.ended[id] or {"error": "stopped"})
        return Subscription(self, id)

    async def call(self, method: str, *params: Any, wait_updated: bool = True) -> Any:
        """Call a method; returns its result, once its writes have arrived. Raises MeteorError."""
        self._calls += 1
        id = str(self._calls)
        params_json = ejson.to_json(list(params))
        await self.send({"msg": "method", "id": id, "method": method, "params": params_json})
        await self.wait_for(
            lambda: id in self._results and (id in self._updated or not wait_updated)
        )
        answer = self._results[id]
        if "error" in answer:
            raise _error(answer["error"])
        return answer.get("result")

    async def wait_for(self, predicate: Callable[[], Any], timeout: float | None = None) -> Any:
        """Wait until `predicate()` is true; asked again after each message.

        Raises:
            AssertionError: it was not in time, or the connection was closed before.
        """
        try:
            async with asyncio.timeout(timeout or self._timeout), self._news:
                while not (result := predicate()):
                    if self.closed is not None:
                        raise AssertionError(f"Closed with {self.closed}. {self._state()}")
                    await self._news.wait()
                return result
        except TimeoutError:
            raise AssertionError(f"It did not come true in time. {self._state()}") from None

    async def wait_closed(self) -> tuple[int, str]:
        """Wait for the server to close the connection; returns code and reason."""
        closed: tuple[int, str] = await self.wait_for(lambda: self.closed)
        return closed

    async def _read(self, socket: ClientConnection) -> None:
        with contextlib.suppress(ConnectionClosed):
            async for data in socket:
                await self._receive(data)
        self.closed = (socket.close_code or 1006, socket.close_reason or "")
        async with self._news:
            self._news.notify_all()

    async def _receive(self, data: str | bytes) -> None:
        text = data.decode() if isinstance(data, bytes) else data
        if self._sockjs:
            texts = json.loads(text[1:]) if text.startswith("a") else []
        else:
            texts = [text]
        for each in texts:
            message = msgspec.json.decode(each)
            self.messages.append(message)
            handler = HANDLERS.get(message.get("msg"))
            if handler is not None:
                handler(self, message)
            if message.get("msg") == "ping":
                await self.send({**message, "msg": "pong"})
        async with self._news:
            self._news.notify_all()

    def _on_connected(self, message: Message) -> None:
        self.session = message["session"]

    def _on_ready(self, message: Message) -> None:
        self._ready.update(message["subs"])

    def _on_nosub(self, message: Message) -> None:
        self.ended[message.get("id", "")] = message.get("error")

    def _on_result(self, message: Message) -> None:
        if "result" in message:
            message = {**message, "result": ejson.from_json(message["result"])}
        self._results[message["id"]] = message

    def _on_updated(self, message: Message) -> None:
        self._updated.update(message["methods"])

    def _on_added(self, message: Message) -> None:
        documents = self.collections[message["collection"]]
        if message["id"] in documents:
            self.violations.append(f"added for a known document: {message}")
        documents[message["id"]] = ejson.from_json(message.get("fields", {}))

    def _on_changed(self, message: Message) -> None:
        documents = self.collections[message["collection"]]
        if message["id"] not in documents:
            self.violations.append(f"changed for an unknown document: {message}")
            return
        if "fields" not in message and "cleared" not in message:
            self.violations.append(f"changed without a change: {message}")
        document = documents[message["id"]]
        document.update(ejson.from_json(message.get("fields", {})))
        for name in message.get("cleared", ()):
            document.pop(name, None)

    def _on_removed(self, message: Message) -> None:
        if self.collections[message["collection"]].pop(message["id"], None) is None:
            self.violations.append(f"removed for an unknown document: {message}")

    def _state(self) -> str:
        documents = {name: dict(documents) for name, documents in self.collections.items()}
        return f"Collections: {documents}. Last messages: {self.messages[-5:]}."


HANDLERS: dict[Any, Callable[[DDPClient, Message], None]] = {
    "connected": DDPClient._on_connected,
    "ready": DDPClient._on_ready,
    "nosub": DDPClient._on_nosub,
    "result": DDPClient._on_result,
    "updated": DDPClient._on_updated,
    "added": DDPClient._on_added,
    "changed": DDPClient._on_changed,
    "removed": DDPClient._on_removed,
}


def sockjs_url(url: str) -> str:
    """The URL of a new SockJS session beside a raw WebSocket URL."""
    parts = urlsplit(url)
    base = parts.path.rstrip("/").removesuffix("/websocket")
    server = f"{random.randrange(1000):03d}"  # noqa: S311
    return urlunsplit(parts._replace(path=f"{base}/sockjs/{server}/{random_id()[:8]}/websocket"))


def _error(wire: Message) -> MeteorError:
    return MeteorError(wire["error"], wire.get("reason"), wire.get("details"))
