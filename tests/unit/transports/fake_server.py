"""An ASGI server without sockets, and a hub without a database."""

import asyncio
import contextlib
from dataclasses import dataclass

from dddp.protocol.frames import Frame
from dddp.session.outbox import Outbox
from dddp.session.turns import Turns


class FakeSession:
    """Remembers what it gets; `receiving` holds up `receive` until it is set."""

    def __init__(self, info, turn):
        self.info = info
        self.outbox = Outbox(1000, 30.0, lambda: 0.0, turn)
        self.received = asyncio.Queue()
        self.receiving = asyncio.Event()
        self.receiving.set()
        self.failure = None
        self.losses = 0

    async def receive(self, data):
        if not self.feed(data):
            await self.room()

    def feed(self, data):
        self.received.put_nowait(data)
        if self.failure:
            raise self.failure
        return self.receiving.is_set()

    async def room(self):
        await self.receiving.wait()
        if self.failure:
            raise self.failure

    def lost(self):
        self.losses += 1
        self.outbox.close(1000, "Normal closure")

    def push(self, *texts):
        for text in texts:
            self.outbox.push(Frame(text.encode()))

    def push_at_once(self, *texts):
        self.outbox.push_all([Frame(text.encode()) for text in texts])


class FakeHub:
    def __init__(self):
        self.sessions = []
        self.turns = Turns()
        self.calls = []
        self.failure = None
        self.ready = True
        self.leaving = False
        self.crowded = set()

    async def start(self):
        self.calls.append("start")
        if self.failure:
            raise self.failure

    def is_crowded(self, address):
        return address in self.crowded

    async def stop(self):
        self.calls.append("stop")

    def open(self, info):
        session = FakeSession(info, self.turns.next)
        self.sessions.append(session)
        return session


@dataclass
class Response:
    status: int
    headers: dict
    body: bytes


class Server:
    def __init__(self, app):
        self.app = app

    async def http(self, path, method="GET", body=b"", **options):
        """A request and its whole answer."""
        async with self.request(path, method, body, **options) as request:
            return Response(*await request.head(), await request.rest())

    @contextlib.asynccontextmanager
    async def request(self, path, method="GET", body=b"", **options):
        """A request that may be left before the end of its answer."""
        request = Request(self.app, scope_of("http", path, method=method, **options), body)
        try:
            yield request
        finally:
            request.disconnect()
            await asyncio.wait([request.task])
        if not request.task.cancelled():
            request.task.result()

    @contextlib.asynccontextmanager
    async def websocket(self, path="/websocket", **options):
        socket = Socket(self.app, scope_of("websocket", path, **options))
        try:
            yield socket
        finally:
            socket.disconnect()
            await asyncio.wait([socket.task])
        if not socket.task.cancelled():
            socket.task.result()


class Exchange:
    """What an application is told, `first` and later, and what it sends.

    `writable` unset makes each send hang, as with a client that does not read; `sending` is set
    by each attempt to send.
    """

    def __init__(self, app, scope, first):
        self.to_app, self.from_app = asyncio.Queue(), asyncio.Queue()
        self.writable = asyncio.Event()
        self.writable.set()
        self.sending = asyncio.Event()
        self.failure = None
        self.to_app.put_nowait(first)
        self.task = asyncio.create_task(app(scope, self.to_app.get, self._send))

    async def _send(self, message):
        self.sending.set()
        await self.writable.wait()
        if self.failure:
            raise self.failure
        self.from_app.put_nowait(message)


class Request(Exchange):
    """One HTTP request."""

    def __init__(self, app, scope, body):
        super().__init__(app, scope, {"type": "http.request", "body": body})

    def disconnect(self):
        self.to_app.put_nowait({"type": "http.disconnect"})

    async def head(self):
        """Status and headers."""
        start = await self.from_app.get()
        assert start["type"] == "http.response.start", start
        headers = {name.decode(): value.decode() for name, value in start["headers"]}
        assert len(headers) == len(start["headers"])
        return start["status"], headers

    async def piece(self):
        """A piece of the body; None at the end."""
        message = await self.from_app.get()
        assert message["type"] == "http.response.body", message
        text = message["body"].decode()
        return text if text or message.get("more_body") else None

    async def rest(self):
        """The body up to its end."""
        body = b""
        while True:
            message = await self.from_app.get()
            body += message["body"]
            if not message.get("more_body"):
                assert self.from_app.empty()
                return body


class Socket(Exchange):
    """One WebSocket."""

    def __init__(self, app, scope):
        super().__init__(app, scope, {"type": "websocket.connect"})

    def send(self, data):
        kind = "text" if isinstance(data, str) else "bytes"
        self.to_app.put_nowait({"type": "websocket.receive", kind: data})

    def disconnect(self):
        self.to_app.put_nowait({"type": "websocket.disconnect", "code": 1001})

    async def accepted(self):
        message = await self.from_app.get()
        assert message == {"type": "websocket.accept"}

    async def text(self):
        message = await self.from_app.get()
        assert message["type"] == "websocket.send", message
        return message["text"]

    async def closed(self):
        message = await self.from_app.get()
        assert message["type"] == "websocket.close", message
        return message.get("code"), message.get("reason")

    async def refused(self):
        """The HTTP status of the answer to the handshake."""
        start, body = await self.from_app.get(), await self.from_app.get()
        assert start["type"] == "websocket.http.response.start"
        assert body == {"type": "websocket.http.response.body", "body": b""}
        return start["status"]


def scope_of(kind, path, method="GET", headers=(), host="example.com", **more):
    headers = {"host": host, **dict(headers)}
    scope = {
        "type": kind,
        "path": path,
        "headers": [(k.encode(), v.encode()) for k, v in headers.items() if v is not None],
        "scheme": "ws" if kind == "websocket" else "http",
        "client": ("192.0.2.7", 4711),
        "server": ("127.0.0.1", 8000),
        "extensions": {"websocket.http.response": {}},
    }
    if kind == "http":
        scope["method"] = method
    return {**scope, **more}
