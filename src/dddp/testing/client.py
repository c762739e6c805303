"""`DDPClient`: a DDP client for tests, strict about what the server may send.

async with DDPClient("ws://127.0.0.1:8000/websocket") as client:
    await client.subscribe("AllBooks")
    assert await client.call("bookstore/set_pages", "1", 300) == "1"
    await client.wait_for(lambda: client.collections["bookstore.book"]["1"]["pages"] == 300)
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import random
from collections.abc import Callable
from typing import Any, Self
from urllib.parse import urlsplit, urlunsplit

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from dddp import ejson
from dddp.alea import random_id
from dddp.exceptions import MeteorError
from dddp.testing.mirror import Message, Mirror
from dddp.testing.sockjs import HTTPSession


class Subscription:
    """A subscription that is ready."""

    def __init__(self, client: DDPClient, id: str) -> None:
        self._client = client
        self.id = id

    async def stop(self) -> None:
        """End it; returns once the server has said so, its documents removed."""
        await self._client.send({"msg": "unsub", "id": self.id})
        await self._client.wait_for(lambda: self.id in self._client.ended)


class DDPClient(Mirror):
    """One connection; `dddp.testing.mirror.Mirror` has its documents.

    Args:
        url: of the raw WebSocket; with SockJS the server's path for that beside it is used.
        sockjs: speak SockJS over WebSocket.
        transport: speak SockJS over HTTP: "xhr-polling", "xhr-streaming" or "eventsource".
        timeout: seconds that anything awaited here may take.
        options: for `websockets.asyncio.client.connect`; over HTTP only `additional_headers`.

    Attributes:
        closed: (code, reason) once the connection is closed.
    """

    def __init__(
        self,
        url: str,
        sockjs: bool = False,
        timeout: float = 20.0,
        transport: str | None = None,
        **options: Any,
    ) -> None:
        super().__init__()
        self.url = self._base = url
        self.closed: tuple[int, str] | None = None
        self._sockjs = sockjs or transport is not None
        self._transport = transport
        self._timeout = timeout
        self._options = {"max_size": None, "compression": None, "ping_interval": None, **options}
        self._socket: ClientConnection | None = None
        self._http: HTTPSession | None = None
        self._reader: asyncio.Task[None] | None = None
        self._news = asyncio.Condition()
        self._calls = 0

    async def __aenter__(self) -> Self:
        await self.open()
        try:
            await self.connect()
        except BaseException:
            await self.close()
            raise
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def open(self) -> None:
        """Open the socket; nothing is sent yet."""
        if self._sockjs:
            self.url = sockjs_url(self._base)
        if self._transport is not None:
            await self._open_http(self._transport)
            return
        self._socket = await connect(self.url, **self._options)
        self._reader = asyncio.create_task(self._read(self._socket))

    async def connect(self, version: str = "1", support: tuple[str, ...] = ("1",)) -> None:
        """Agree on a DDP version. Raises ConnectionError if there is none."""
        await self.send({"msg": "connect", "version": version, "support": list(support)})
        await self.wait_for(lambda: self.session or self.closed)
        if self.session is None:
            raise ConnectionError(f"The server did not connect: {self.messages[-1:]}")

    def cut(self) -> None:
        """End the connection as a failing network does: without a word."""
        if self._socket is not None:
            self._socket.transport.abort()

    async def reconnect(self, resume: bool = True) -> bool:
        """Open a new connection, as clients do when theirs is lost (Meteor 3.5).

        Calls without a result and subscriptions are sent again at once.

        Args:
            resume: ask for the session that there was.

        Returns:
            The session goes on. Else it is another one, and nothing is known of the old one.
        """
        before = self.session
        self.cut()
        await self._end_socket()
        resumption, unfinished = self.reconnecting()
        await self.open()
        seen, self.closed = len(self.messages), None
        connect = {"msg": "connect", "version": "1", "support": ["1"]}
        for message in (connect | (resumption if resume else {}), *unfinished):
            await self.send_text(json.dumps(message))
        await self.wait_for(lambda: len(self.messages) > seen)
        return self.session == before

    async def close(self) -> None:
        """Say so, and close the socket."""
        if self.session is not None and self.closed is None:
            with contextlib.suppress(ConnectionError):
                await self.send({"msg": "disconnect"})
        await self._end_socket()

    async def _end_socket(self) -> None:
        if self._socket is not None:
            await self._socket.close()
        if self._http is not None:
            await self._http.leave()
        if self._reader is not None:
            await self._reader

    async def send(self, message: Message) -> None:
        """Send one message as it is. Raises ConnectionError when the connection is closed."""
        self.sent(message)
        await self.send_text(json.dumps(message))

    async def send_text(self, text: str | bytes) -> None:
        """Send any text, or any bytes, as one message."""
        if isinstance(text, str) and self._sockjs:
            text = json.dumps([text])
        await self.send_raw(text)

    async def send_raw(self, data: str | bytes) -> None:
        """Send any WebSocket message, or body of a request, with SockJS too as it is."""
        if self._http is not None:
            await self._http.send(data)
            return
        if self._socket is None:
            raise ConnectionError("The client is not open.")
        try:
            await self._socket.send(data)
        except ConnectionClosed as error:
            raise ConnectionError(f"The connection is closed: {error}") from error

    async def subscribe(self, name: str, *params: Any) -> Subscription:
        """Subscribe and wait until it is ready. Raises MeteorError when the server refuses."""
        id = random_id()
        message = {"msg": "sub", "id": id, "name": name, "params": ejson.to_json(list(params))}
        await self.send(message)
        await self.wait_for(lambda: id in self.ready or id in self.ended)
        if id in self.ended:
            raise _error(self.ended[id] or {"error": "stopped"})
        return Subscription(self, id)

    async def call(self, method: str, *params: Any, wait_updated: bool = True) -> Any:
        """Call a method; returns its result, once its writes have arrived. Raises MeteorError."""
        self._calls += 1
        id = str(self._calls)
        params_json = ejson.to_json(list(params))
        await self.send({"msg": "method", "id": id, "method": method, "params": params_json})
        await self.wait_for(lambda: id in self.results and (id in self.updated or not wait_updated))
        answer = self.results[id]
        if "error" in answer:
            raise _error(answer["error"])
        return answer.get("result")

    async def wait_for(self, predicate: Callable[[], Any], timeout: float | None = None) -> Any:
        """Wait until `predicate()` is true; asked again after each message. Returns its value.

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
                for text in self._unwrap(data):
                    await self._take(text)
        self.closed = (socket.close_code or 1006, socket.close_reason or "")
        async with self._news:
            self._news.notify_all()

    async def _open_http(self, transport: str) -> None:
        """Raises ConnectionError if there is no session to be had."""
        url = self.url.replace("ws", "http", 1).removesuffix("/websocket")
        headers = dict(self._options.get("additional_headers", {}))
        self._http = HTTPSession(url, transport, headers)
        self._reader = asyncio.create_task(self._read_http(self._http))
        await self._http.opened()
        if self._http.closed is not None:
            raise ConnectionError(f"The server does not open a session: {self._http.closed}")

    async def _read_http(self, http: HTTPSession) -> None:
        async for text in http.messages():
            await self._take(text)
        for frame in http.unexpected:
            self._violation("no SockJS frame", frame)
        self.closed = http.closed
        async with self._news:
            self._news.notify_all()

    async def _take(self, text: str) -> None:
        if self.receive(text).get("msg") == "ping":
            await self._pong(self.messages[-1])
        async with self._news:
            self._news.notify_all()

    def _unwrap(self, data: str | bytes) -> list[str]:
        if isinstance(data, bytes):
            self._violation("a binary message", data)
            return []
        if not self._sockjs:
            return [data]
        if data.startswith("a"):
            texts: list[str] = json.loads(data[1:])
            return texts
        if data[:1] not in ("o", "h", "c"):
            self._violation("no SockJS frame", data)
        return []

    async def _pong(self, ping: Message) -> None:
        with contextlib.suppress(ConnectionError):
            await self.send({**ping, "msg": "pong"})

    def _state(self) -> str:
        documents = {name: dict(documents) for name, documents in self.collections.items()}
        return f"Collections: {documents}. Last messages: {self.messages[-5:]}."


def sockjs_url(url: str) -> str:
    """The URL of a new SockJS session beside a raw WebSocket URL."""
    parts = urlsplit(url)
    base = parts.path.rstrip("/").removesuffix("/websocket")
    server = f"{random.randrange(1000):03d}"  # noqa: S311, no secret
    return urlunsplit(parts._replace(path=f"{base}/sockjs/{server}/{random_id()[:8]}/websocket"))


def _error(wire: Message) -> MeteorError:
    return MeteorError(wire["error"], wire.get("reason"), wire.get("details"))
