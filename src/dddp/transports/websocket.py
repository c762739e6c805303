"""The WebSocket endpoint: one session per connection, in either framing."""

from __future__ import annotations

import asyncio
import logging
from typing import NoReturn

from dddp.conf import conf
from dddp.exceptions import ServerStopping
from dddp.session.info import ConnectionInfo
from dddp.transports import access
from dddp.transports.asgi_types import Receive, Scope, Send
from dddp.transports.framing import (
    CLOSE_SECONDS,
    FAILED,
    Framing,
    Rejected,
    close_of,
    incoming,
)
from dddp.transports.peers import Hub, Outbox, Session

logger = logging.getLogger("dddp.transports")

DIRECT = "dddp.websocket"
"""An extension of ASGI's scope: `converse(session, framing)` instead of receive and send."""

PRIVATE = 3000
"""What is added to a code that the server refuses to send."""


async def serve(scope: Scope, receive: Receive, send: Send, hub: Hub, framing: Framing) -> None:
    """One WebSocket connection from its handshake to its end.

    Refused before the handshake with what `access.refusal` or `start` says.
    """
    await receive()
    status = access.refusal(scope) or await start(hub, scope)
    try:
        if status is not None:
            await refuse(scope, send, status)
            return
        await send({"type": "websocket.accept"})
    except OSError:
        return
    session = hub.open(connection_info(scope, framing.transport))
    direct = (scope.get("extensions") or {}).get(DIRECT)
    if direct is not None:
        direct["converse"](session, framing)
        return
    await Conversation(session, receive, send, framing).run()


async def refuse(scope: Scope, send: Send, status: int) -> None:
    """Answer the handshake with an HTTP status, or 403 where the server can do no other."""
    if "websocket.http.response" in (scope.get("extensions") or {}):
        start = {"type": "websocket.http.response.start", "status": status, "headers": []}
        await send(start)
        await send({"type": "websocket.http.response.body", "body": b""})
    else:
        await send({"type": "websocket.close"})


async def start(hub: Hub, scope: Scope) -> int | None:
    """The status with which a new connection is refused, None when all is well.

    429: its address has too many. 503: the server stops, or cannot reach the change feed, which
    is logged.
    """
    client = scope.get("client")
    if client and hub.is_crowded(client[0]):
        return 429
    try:
        await hub.start()
    except ServerStopping:
        return 503
    except Exception as error:
        logger.error("No client can connect: %s", error)
        logger.debug("The change feed did not start", exc_info=True)
        return 503
    return None


def connection_info(scope: Scope, transport: str) -> ConnectionInfo:
    """What a scope says of the client."""
    client = scope.get("client")
    return ConnectionInfo(
        address=client[0] if client else "",
        headers=tuple((bytes(name), bytes(value)) for name, value in scope["headers"]),
        secure=scope.get("scheme") in ("wss", "https"),
        transport=transport,
        path=scope["path"],
        query=scope.get("query_string", b""),
        server=scope.get("server"),
    )


class _Ended(Exception):
    """The conversation is over; nothing is wrong."""


class Conversation:
    """A session talking over one accepted WebSocket."""

    def __init__(self, session: Session, receive: Receive, send: Send, framing: Framing) -> None:
        self._session = session
        self._receive = receive
        self._send = send
        self._framing = framing
        self._limit: int = conf.max_message_bytes
        self._close: tuple[int, str] | None = None
        self._given_up = False
        self._outbox: Outbox | None = None
        self._writer: asyncio.Task[None] | None = None

    async def run(self) -> None:
        """Talk until either side ends it; cancellation ends it at once."""
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._write())
                await self._read()
        except* _Ended:
            pass
        except* Exception:
            logger.exception("A connection failed")
            self._close = FAILED
        finally:
            self._session.lost()
        if self._close is not None:
            await self._send_close(*self._close)

    async def _read(self) -> None:
        while True:
            message = await self._receive()
            if message["type"] == "websocket.disconnect":
                raise _Ended
            text = message.get("text")
            data = message["bytes"] if text is None else text
            try:
                for item in incoming(self._framing, data, self._limit):
                    await self._session.receive(item)
            except Rejected as rejected:
                self._end(rejected.close)

    async def _write(self) -> None:
        self._writer = asyncio.current_task()
        outbox = self._followed()
        try:
            if self._framing.opening is not None:
                await self._send_text(self._framing.opening)
            while (frames := await (outbox := self._followed()).take()) is not None:
                for frame in frames:
                    await self._send_text(self._framing.encode(frame))
        except asyncio.CancelledError:
            if not self._given_up or self._writer is None or self._writer.uncancel() > 0:
                raise
        self._end(close_of(outbox))

    def _followed(self) -> Outbox:
        """The session's outbox; it may have become another one."""
        outbox = self._session.outbox
        if outbox is not self._outbox:
            self._outbox = outbox
            outbox.on_abort(self._give_up)
        return outbox

    def _give_up(self) -> None:
        """The outbox is closed while a send may be stuck in it."""
        if not self._given_up and self._writer is not None:
            self._given_up = True
            self._writer.cancel()

    def _end(self, close: tuple[int, str]) -> NoReturn:
        self._close = close
        raise _Ended

    async def _send_text(self, text: str) -> None:
        try:
            await self._send({"type": "websocket.send", "text": text})
        except (OSError, RuntimeError) as error:
            # ASGI, "WebSocket: Send": a server may raise once the socket is gone. Uvicorn raises
            # RuntimeError where it has closed a socket itself and nobody has read of it yet.
            raise _Ended from error

    async def _send_close(self, code: int, reason: str) -> None:
        try:
            async with asyncio.timeout(CLOSE_SECONDS):
                closing = self._framing.closing(code, reason)
                if closing is not None:
                    await self._send_text(closing)
                await self._send_code(code, reason)
        except (TimeoutError, OSError, RuntimeError, _Ended) as error:
            logger.debug("A close with code %d could not be sent: %r", code, error)

    async def _send_code(self, code: int, reason: str) -> None:
        close = {"type": "websocket.close", "code": code, "reason": reason}
        try:
            await self._send(close)
        except (OSError, RuntimeError):
            raise
        except Exception:
            # Autobahn, in Daphne, takes 1000 and private codes only (RFC 6455, 7.4.2).
            await self._send({**close, "code": PRIVATE + code})
