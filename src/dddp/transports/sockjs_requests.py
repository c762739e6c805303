"""Requests that bring messages of a client: xhr_send and jsonp_send."""

from __future__ import annotations

import asyncio
import logging
from urllib.parse import parse_qs

import msgspec

from dddp.conf import conf
from dddp.transports.asgi_types import Headers, Receive, Scope, Send, header
from dddp.transports.framing import FAILED, TOO_BIG, exceeds, websocket_limit
from dddp.transports.replies import NO_CACHE, reply
from dddp.transports.sockjs_sessions import HttpSession

logger = logging.getLogger("dddp.transports")

FORM = "application/x-www-form-urlencoded"
MAX_FIELDS = 10
LONG_FORM = 16 * 1024
"""Bytes of a form that is read in a thread: a MB of escapes takes tenths of a second."""


class Refused(Exception):
    """The body is of no use; the text is for the client, status 500 (SockJS 0.3)."""


class TooBig(Exception):
    """More than `DDP_MAX_MESSAGE_BYTES`."""


async def take_in(
    scope: Scope,
    receive: Receive,
    send: Send,
    session: HttpSession,
    headers: Headers,
    *,
    jsonp: bool = False,
) -> None:
    """Hand a request's messages to its session, and answer when they have been taken in.

    One request after the other: so their messages stay together, and only one body is held.
    """
    async with session.sending:
        try:
            body = await _read(receive, form=jsonp)
            if body is None:
                return
            for message in _messages(await _payload(scope, body) if jsonp else body):
                if exceeds(conf.max_message_bytes, message):
                    raise TooBig
                await session.receive(message)
        except Refused as error:
            await reply(scope, send, 500, f"{error}".encode(), headers=[NO_CACHE, *headers])
        except TooBig:
            session.close(*TOO_BIG)
            await reply(scope, send, 413, b"Message too big\n", headers=[NO_CACHE, *headers])
        except Exception:
            logger.exception("A request with messages failed")
            session.close(*FAILED)
            await reply(scope, send, 500, b"Internal error\n", headers=[NO_CACHE, *headers])
        else:
            status, answer = (200, b"ok") if jsonp else (204, b"")
            await reply(scope, send, status, answer, headers=[NO_CACHE, *headers])


async def _read(receive: Receive, *, form: bool) -> bytes | None:
    """The body; None if the client goes before its end."""
    # In a form each byte may be three.
    limit = websocket_limit(conf.max_message_bytes) * (3 if form else 1)
    body = bytearray()
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            return None
        body += message.get("body", b"")
        if len(body) > limit:
            raise TooBig
        if not message.get("more_body", False):
            return bytes(body)


async def _payload(scope: Scope, body: bytes) -> bytes:
    """What is in the field `d` of a form, or the body itself where it is none."""
    kind = (header(scope, b"content-type") or "").split(";")[0].strip().lower()
    if kind != FORM:
        return body
    if len(body) < LONG_FORM:
        return _field(body)
    return await asyncio.to_thread(_field, body)


def _field(body: bytes) -> bytes:
    try:
        fields = parse_qs(body.decode(), max_num_fields=MAX_FIELDS)
    except ValueError as error:
        raise Refused("Payload expected.") from error
    return fields.get("d", [""])[0].encode()


def _messages(body: bytes) -> list[str]:
    if not body:
        raise Refused("Payload expected.")
    try:
        messages = msgspec.json.decode(body)
    except (ValueError, RecursionError) as error:
        raise Refused("Broken JSON encoding.") from error
    if not isinstance(messages, list) or not all(isinstance(each, str) for each in messages):
        raise Refused("Payload expected.")
    return messages
