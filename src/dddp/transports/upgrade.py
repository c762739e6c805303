"""What uvicorn calls for WebSockets: those of DDP get a connection of their own (`direct`).

    uvicorn --ws dddp.transports.upgrade:WebSocketProtocol myproject.asgi:application

The `dddp` command has it so. The handshake is decided on by the ASGI application as everywhere
else; all paths that are not DDP's, and whatever is odd, are left to uvicorn's own class.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import logging
from http import HTTPStatus
from typing import Any, cast
from urllib.parse import unquote

from uvicorn import Config
from uvicorn.protocols.utils import (
    ClientDisconnected,
    get_client_addr,
    get_local_addr,
    get_path_with_query_string,
    get_remote_addr,
    is_ssl,
)
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from uvicorn.server import ServerState
from websockets.exceptions import InvalidHandshake
from websockets.extensions.permessage_deflate import ServerPerMessageDeflateFactory
from websockets.headers import build_extension, parse_extension
from websockets.utils import accept_key

from dddp.conf import conf
from dddp.protocol import rfc6455
from dddp.transports import sockjs
from dddp.transports.asgi_types import Headers, Message, Scope, header
from dddp.transports.direct import Connection
from dddp.transports.framing import Framing
from dddp.transports.peers import Session
from dddp.transports.websocket import DIRECT

logger = logging.getLogger("uvicorn.error")

EARLY_BYTES = 64 * 1024
"""More than this is not sent by a client that waits for the answer to its handshake."""

COMPRESSION = ServerPerMessageDeflateFactory(
    server_no_context_takeover=True,
    client_no_context_takeover=True,
    server_max_window_bits=rfc6455.WINDOW_BITS,
)


class WebSocketProtocol(asyncio.Protocol):
    """Decides, once the request is there, whose the connection is, and lets go of it."""

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        self._given = (config, server_state, app_state)
        self._loop = _loop or asyncio.get_running_loop()
        self._next: Handshake | WebSocketsSansIOProtocol | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Called by uvicorn's HTTP protocol."""
        self._transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        """The request, all at once; uvicorn then makes this the transport's protocol."""
        if self._next is None:
            self._next = self._chosen(data)
            self._loop.call_soon(self._pass_on)
        else:
            self._next.data_received(data)

    def eof_received(self) -> None:
        """Nothing more comes."""
        if self._next is not None:
            self._next.eof_received()

    def connection_lost(self, exc: Exception | None) -> None:
        """The client went at once."""
        if self._next is not None:
            self._next.connection_lost(exc)

    def _pass_on(self) -> None:
        if self._next is not None and self._transport.get_protocol() is self:
            self._transport.set_protocol(self._next)

    def _chosen(self, request: bytes) -> Handshake | WebSocketsSansIOProtocol:
        config, state, app_state = self._given
        scope = _scope(request, self._transport, config, app_state)
        if scope is not None:
            return Handshake(self._transport, scope, config, state)
        protocol = WebSocketsSansIOProtocol(config, state, app_state, self._loop)
        protocol.connection_made(self._transport)
        protocol.data_received(request)
        return protocol


class Handshake(asyncio.Protocol):
    """Asks the application whether to accept a connection."""

    def __init__(
        self, transport: asyncio.Transport, scope: Scope, config: Config, state: ServerState
    ) -> None:
        self._transport = transport
        self._scope = scope
        self._state = state
        self._answer: Message | None = None
        self._deflate = False
        self._done = self._lost = self._is_told = False
        self._waiting: asyncio.Future[None] | None = None
        self._is_idle = False
        """It is accepted, and nobody has it yet."""
        self._early = b""
        scope["extensions"][DIRECT] = {"converse": self._converse}
        cast("set[asyncio.Protocol]", state.connections).add(self)
        task = asyncio.get_running_loop().create_task(self._run(config.loaded_app))
        state.tasks.add(task)
        task.add_done_callback(state.tasks.discard)

    def data_received(self, data: bytes) -> None:
        """What comes before the answer is sent."""
        self._early += data
        if len(self._early) > EARLY_BYTES:
            self._transport.abort()

    def connection_lost(self, error: Exception | None) -> None:
        """The client did not wait."""
        self._lost = True
        if self._waiting is not None and not self._waiting.done():
            self._waiting.set_result(None)
        self._state.connections.discard(cast(Any, self))

    def shutdown(self) -> None:
        """The server stops."""
        self._transport.close()

    async def _run(self, app: Any) -> None:
        try:
            await app(self._scope, self._receive, self._send)
        except ClientDisconnected:
            pass
        except Exception:
            logger.exception("Exception in ASGI application\n")
        if not self._done:
            self._respond(500, [], b"Internal Server Error")
        elif self._is_idle:
            self._transport.close()
        # It refers to this: a cycle for each connection would wait for the garbage collector.
        self._scope = {}

    async def _receive(self) -> Message:
        if not self._is_told:
            self._is_told = True
            return {"type": "websocket.connect"}
        if not self._lost:
            self._waiting = asyncio.get_running_loop().create_future()
            await self._waiting
        return {"type": "websocket.disconnect", "code": 1006, "reason": ""}

    async def _send(self, message: Message) -> None:
        if self._lost or self._transport.is_closing():
            raise ClientDisconnected
        kind = message["type"]
        if self._done:
            raise RuntimeError(f"{kind} came behind the answer to the handshake of a DDP path.")
        if kind == "websocket.accept":
            self._accept(message)
        elif kind == "websocket.close":
            self._respond(403, [], b"")
        elif kind == "websocket.http.response.start":
            self._answer = {**message, "body": b""}
        elif kind == "websocket.http.response.body" and self._answer is not None:
            self._answer["body"] += message.get("body", b"")
            if not message.get("more_body", False):
                answer = self._answer
                self._respond(answer["status"], answer.get("headers", []), answer["body"])
        else:
            raise RuntimeError(f"{kind} was not expected before the answer to the handshake.")

    def _accept(self, message: Message) -> None:
        key = header(self._scope, b"sec-websocket-key") or ""
        headers = [
            (b"upgrade", b"websocket"),
            (b"connection", b"Upgrade"),
            (b"sec-websocket-accept", accept_key(key).encode()),
            *self._state.default_headers,
            *message.get("headers", []),
        ]
        if message.get("subprotocol"):
            headers.append((b"sec-websocket-protocol", message["subprotocol"].encode()))
        extension = None if conf.compress_bytes is None else _compression(self._scope)
        if extension is not None:
            self._deflate = True
            headers.append((b"sec-websocket-extensions", extension))
        self._done = self._is_idle = True
        self._log("[accepted]")
        self._transport.write(_head(101, headers))

    def _respond(self, status: int, headers: Headers, body: bytes) -> None:
        self._done = True
        if self._lost:
            return
        self._log(str(status))
        fixed = [(b"content-length", b"%d" % len(body)), (b"connection", b"close")]
        given = [*self._state.default_headers, *headers, *fixed]
        self._transport.write(_head(status, given) + body)
        self._transport.close()

    def _converse(self, session: Session, framing: Framing) -> None:
        """For the application, once it has accepted: it is not needed any more."""
        self._is_idle = False
        if self._lost:
            session.lost()
            return
        connections = cast("set[asyncio.Protocol]", self._state.connections)
        connections.discard(self)
        connection = Connection(self._transport, session, framing, self._deflate, connections)
        if self._early:
            connection.data_received(self._early)

    def _log(self, outcome: str) -> None:
        if logger.isEnabledFor(logging.INFO):
            scope = cast(Any, self._scope)
            path = get_path_with_query_string(scope)
            logger.info('%s - "WebSocket %s" %s', get_client_addr(scope), path, outcome)


def _scope(
    request: bytes, transport: asyncio.Transport, config: Config, app_state: dict[str, Any]
) -> Scope | None:
    """ASGI's, of a sound request for one of DDP's WebSockets; else None."""
    lines = request[:-4].decode("latin-1").split("\r\n")
    method, _, target = lines[0].removesuffix(" HTTP/1.1").partition(" ")
    raw_path, _, query = target.partition("?")
    root = config.root_path
    headers = [line.encode("latin-1").partition(b": ")[::2] for line in lines[1:]]
    scope: Scope = {
        "type": "websocket",
        "asgi": {"version": config.asgi_version, "spec_version": "2.4"},
        "http_version": "1.1",
        "scheme": "wss" if is_ssl(transport) else "ws",
        "server": get_local_addr(transport),
        "client": get_remote_addr(transport),
        "root_path": root,
        "path": root + unquote(raw_path),
        "raw_path": (root + raw_path).encode("latin-1"),
        "query_string": query.encode("latin-1"),
        "headers": [(name.lower(), value) for name, value in headers],
        "subprotocols": [],
        "state": app_state.copy(),
        "extensions": {"websocket.http.response": {}},
    }
    path = sockjs.ddp_path(scope)
    sound = method == "GET" and header(scope, b"sec-websocket-version") == "13"
    if not sound or path is None or sockjs.framing_of(path) is None:
        return None
    return scope if _is_key(header(scope, b"sec-websocket-key")) else None


def _is_key(key: str | None) -> bool:
    try:
        return key is not None and len(base64.b64decode(key, validate=True)) == 16
    except (binascii.Error, ValueError):
        return False


def _compression(scope: Scope) -> bytes | None:
    """The header that accepts one of the client's offers of compression, if one can be."""
    offers = header(scope, b"sec-websocket-extensions")
    if offers is None:
        return None
    try:
        parsed = parse_extension(offers)
    except InvalidHandshake:
        return None
    for name, parameters in parsed:
        if name != COMPRESSION.name:
            continue
        try:
            accepted, _ = COMPRESSION.process_request_params(parameters, [])
        except InvalidHandshake:
            continue
        if ("server_max_window_bits", str(rfc6455.WINDOW_BITS)) in accepted:
            return build_extension([(name, accepted)]).encode()
    return None


def _head(status: int, headers: Headers) -> bytes:
    try:
        phrase = HTTPStatus(status).phrase
    except ValueError:
        phrase = ""
    lines = [b"HTTP/1.1 %d %s" % (status, phrase.encode())]
    lines += [b"%s: %s" % (name, value) for name, value in headers]
    return b"\r\n".join([*lines, b"", b""])
