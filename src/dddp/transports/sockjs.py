"""The HTTP side of SockJS and the paths of both transports.

Paths are relative to the project's root and `DDP_URL_PREFIX`:

    /websocket, /websocket/, /sockjs/websocket   raw WebSocket
    /sockjs/<server>/<session>/websocket         SockJS-framed WebSocket
    /sockjs, /sockjs/                            a greeting
    /sockjs/info                                 what a SockJS client asks first
    /sockjs/iframe*.html                         a page
    /sockjs/...                                  404: no other transports
"""

from __future__ import annotations

import re
import secrets

import msgspec

from dddp.conf import conf
from dddp.protocol import sockjs
from dddp.transports import access
from dddp.transports.asgi_types import Headers, Scope, Send, header
from dddp.transports.framing import RAW, SOCKJS, Framing

RAW_PATHS = ("/websocket", "/websocket/", "/sockjs/websocket")
SESSION_PATH = re.compile(r"/sockjs/[^/.]+/[^/.]+/websocket")
IFRAME_PATH = re.compile(r"/sockjs/iframe[0-9-.a-z_]*\.html")

TEXT = b"text/plain; charset=UTF-8"
JSON = b"application/json; charset=UTF-8"
HTML = b"text/html; charset=UTF-8"
NO_CACHE = (b"cache-control", b"no-store, no-cache, no-transform, must-revalidate, max-age=0")

IFRAME = b"""<!DOCTYPE html>
<html><head><meta charset="UTF-8"><title>SockJS</title></head>
<body><h2>Don't panic!</h2><p>This is a SockJS hidden iframe.</p></body></html>
"""


def ddp_path(scope: Scope) -> str | None:
    """The path below the prefix when it is one of DDP's, else None."""
    path: str = scope["path"].removeprefix(scope.get("root_path", ""))
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
    return SOCKJS if SESSION_PATH.fullmatch(path) else None


async def respond(scope: Scope, send: Send, path: str) -> None:
    """Answer an HTTP request for a path of DDP's."""
    status, kind, body, headers = _answer(scope, path)
    headers = [*headers, (b"content-type", kind), (b"content-length", b"%d" % len(body))]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": b"" if scope["method"] == "HEAD" else body})


def _answer(scope: Scope, path: str) -> tuple[int, bytes, bytes, Headers]:
    host = access.allowed_host(scope)
    if host is None:
        return 400, TEXT, b"Bad Request\n", []
    if framing_of(path) is not None:
        return 400, TEXT, b"Not a valid websocket request", []
    if path == "/sockjs/info":
        return _info(scope, host)
    if path in ("/sockjs", "/sockjs/"):
        return 200, TEXT, b"Welcome to SockJS!\n", []
    if IFRAME_PATH.fullmatch(path):
        return 200, HTML, IFRAME, [NO_CACHE]
    return 404, TEXT, b"Not Found\n", []


def _info(scope: Scope, host: str) -> tuple[int, bytes, bytes, Headers]:
    cors = _cors(scope, host)
    if scope["method"] == "OPTIONS":
        cors.append((b"access-control-allow-methods", b"OPTIONS, GET"))
        cors.append((b"access-control-max-age", b"31536000"))
        return 204, TEXT, b"", cors
    body = msgspec.json.encode(sockjs.info(secrets.randbits(32)))
    return 200, JSON, body, [NO_CACHE, *cors]


def _cors(scope: Scope, host: str) -> Headers:
    """Fetch, "CORS protocol": other sites may read this iff they may connect."""
    vary = (b"vary", b"Origin")
    origin = header(scope, b"origin")
    if origin is None:
        return [vary, (b"access-control-allow-origin", b"*")]
    if not access.origin_allowed(origin, host):
        return [vary]
    allow = [
        (b"access-control-allow-origin", origin.encode("latin-1")),
        (b"access-control-allow-credentials", b"true"),
    ]
    wanted = header(scope, b"access-control-request-headers")
    if wanted is not None:
        allow.append((b"access-control-allow-headers", wanted.encode("latin-1")))
    return [vary, *allow]
