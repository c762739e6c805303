"""The paths of all transports, and the HTTP side of SockJS.

Paths are relative to the project's root and `DDP_URL_PREFIX`:

    /websocket, /websocket/, /sockjs/websocket   raw WebSocket
    /sockjs/<server>/<session>/websocket         SockJS-framed WebSocket
    /sockjs, /sockjs/                            a greeting
    /sockjs/info                                 what a SockJS client asks first
    /sockjs/iframe*.html                         a page for other sites' pages
    /sockjs/<server>/<session>/xhr               one answer with messages
    /sockjs/<server>/<session>/xhr_streaming, eventsource, htmlfile: many of them in one
    /sockjs/<server>/<session>/jsonp             one, as a script
    /sockjs/<server>/<session>/xhr_send, jsonp_send: messages from the client

Clients choose <server>, for balancers, and <session>. Sources: the SockJS 0.3.3 protocol with its
tests, and sockjs 0.3.24 for node, which Meteor uses.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable

from dddp.conf import conf
from dddp.transports import sockjs_headers, sockjs_pages
from dddp.transports.asgi_types import Receive, Scope, Send, path_of
from dddp.transports.framing import RAW, SOCKJS, Framing
from dddp.transports.peers import Hub
from dddp.transports.replies import REASONS, reply
from dddp.transports.sockjs_sessions import Sessions
from dddp.transports.sockjs_transports import ENDPOINTS, Request

RAW_PATHS = ("/websocket", "/websocket/", "/sockjs/websocket")
# Ids are kept in memory, so they cannot be of any length.
SESSION_PATH = re.compile(r"/sockjs/[^/.]{1,128}/([^/.]{1,128})/([a-z_]+)")
IFRAME_PATH = re.compile(r"/sockjs/iframe[0-9-.a-z_]*\.html")

NO_UPGRADE = b"Not a valid websocket request"

Page = Callable[[Scope, Send], Awaitable[None]]


def ddp_path(scope: Scope) -> str | None:
    """The path below the prefix when it is one of DDP's, else None."""
    path = path_of(scope)
    prefix = conf.url_prefix.strip("/")
    if prefix:
        start = f"/{prefix}/"
        if not path.startswith(start):
            return None
        path = path[len(start) - 1 :]
    ours = path in RAW_PATHS or path == "/sockjs" or path.startswith("/sockjs/")
    return path if ours else None


def framing_of(path: str) -> Framing | None:
    """How a WebSocket on this path is framed; None when it is no WebSocket path."""
    if path in RAW_PATHS:
        return RAW
    found = SESSION_PATH.fullmatch(path)
    offered = found is not None and found[2] == "websocket"
    return SOCKJS if offered and "websocket" in conf.sockjs_transports else None


async def respond(
    scope: Scope,
    receive: Receive,
    send: Send,
    path: str,
    hub: Callable[[], Hub],
    sessions: Sessions,
) -> None:
    """Answer an HTTP request for a path of DDP's.

    Args:
        hub: gives the live side of this process.
        sessions: those of this process.
    """
    if sockjs_pages.refused_by_host(scope):
        await reply(scope, send, 400, REASONS[400])
    elif framing_of(path) is not None:
        await _only(scope, send, "GET", _no_upgrade)
    elif (page := _page(path)) is not None:
        method = "OPTIONS, GET" if page is sockjs_pages.info else "GET"
        await _only(scope, send, method, page)
    elif found := SESSION_PATH.fullmatch(path):
        endpoint = ENDPOINTS.get(found[2])
        if endpoint is None or not endpoint.offered:
            await reply(scope, send, 404, b"Not Found\n")
        else:
            request = Request(scope, receive, send, found[1], hub, sessions)
            await endpoint.respond(request)
    else:
        await reply(scope, send, 404, b"Not Found\n")


def _page(path: str) -> Page | None:
    if path in ("/sockjs", "/sockjs/"):
        return sockjs_pages.greet
    if path == "/sockjs/info":
        return sockjs_pages.info
    return sockjs_pages.iframe if IFRAME_PATH.fullmatch(path) else None


async def _only(scope: Scope, send: Send, methods: str, page: Page) -> None:
    method = scope["method"]
    if method == "OPTIONS" and "OPTIONS" in methods:
        headers = [*sockjs_headers.preflight(b"GET"), *sockjs_headers.cors(scope)]
        await reply(scope, send, 204, headers=headers)
    elif method in ("GET", "HEAD"):
        await page(scope, send)
    else:
        await reply(scope, send, 405, kind=None, headers=[(b"allow", methods.encode())])


async def _no_upgrade(scope: Scope, send: Send) -> None:
    await reply(scope, send, 400, NO_UPGRADE)
