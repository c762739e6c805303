"""Who may connect: the Host header as Django judges it, and the Origin of browsers."""

from __future__ import annotations

import logging
from urllib.parse import urlsplit

from django.conf import settings
from django.core.exceptions import DisallowedHost
from django.http import HttpRequest
from django.http.request import validate_host
from django.utils.http import is_same_domain

from dddp.conf import conf
from dddp.session.info import ConnectionInfo
from dddp.transports.asgi_types import Scope, header

logger = logging.getLogger("dddp.security")

PLAIN = ("http", "ws")
DEFAULT_PORTS = {"http": ":80", "ws": ":80", "https": ":443", "wss": ":443"}
THIS_MACHINE = [".localhost", "127.0.0.1", "[::1]"]


def refusal(scope: Scope) -> int | None:
    """The HTTP status with which to refuse a handshake, None to go on; the reason is logged.

    400: the Host is not in ALLOWED_HOSTS. 403: the Origin is not allowed, see `origin_allowed`.
    """
    host = allowed_host(scope)
    if host is None:
        return 400
    origin = header(scope, b"origin")
    if not origin_allowed(origin, host, secure=is_secure(scope)):
        logger.warning("Refused a page from %r: add this origin to DDP_ALLOWED_ORIGINS.", origin)
        return 403
    return None


def allowed_host(scope: Scope) -> str | None:
    """The host (and port) asked for, None when ALLOWED_HOSTS does not have it, which is logged.

    Found and judged by `HttpRequest.get_host`, so as for every other request of the project.
    """
    request = HttpRequest()
    server = scope.get("server") or ("unknown", 0)
    request.META = {"SERVER_NAME": str(server[0]), "SERVER_PORT": str(server[1] or 0)}
    for name in ("host", "x-forwarded-host", "x-forwarded-port"):
        value = header(scope, name.encode())
        if value is not None:
            request.META["HTTP_" + name.upper().replace("-", "_")] = value
    try:
        return str(request.get_host())
    except DisallowedHost as error:
        logger.warning("%s", error)
        return None


def is_secure(scope: Scope) -> bool:
    """Does the client talk TLS, to this server or, as Django's settings say, to a proxy?"""
    headers = tuple((bytes(name), bytes(value)) for name, value in scope["headers"])
    secure = scope.get("scheme") in ("wss", "https")
    return ConnectionInfo(headers=headers, secure=secure).request().is_secure()


def origin_allowed(origin: str | None, host: str, *, secure: bool = False) -> bool:
    """Whether a page of this origin may connect.

    Browsers let any page open a WebSocket to any server and say only where the page came from.
    Allowed are: no Origin (not a browser), the host that is being asked, whatever
    DDP_ALLOWED_ORIGINS lists ("https://example.com", "https://*.example.com", "*"), and, under
    DEBUG, pages served by this machine on any port.

    Args:
        origin: the Origin header, None when it was not sent.
        host: the host (and port) that was asked for, already validated.
        secure: it was asked over TLS. Then a page of the same host that came without is of
            another origin: whoever is in between may have written it.
    """
    if origin is None:
        return True
    try:
        parts = urlsplit(origin)
        hostname = parts.hostname or ""
    except ValueError:
        return False
    if parts.netloc and not (secure and parts.scheme in PLAIN):
        port = DEFAULT_PORTS.get(parts.scheme, "")
        if _bare(parts.netloc, port) == _bare(host, port):
            return True
    if any(_matches(allowed, origin) for allowed in conf.allowed_origins or ()):
        return True
    bare = f"[{hostname}]" if ":" in hostname else hostname
    return bool(settings.DEBUG and validate_host(bare, THIS_MACHINE))


def _bare(host: str, port: str) -> str:
    """In lower case, without the port if it is this one."""
    return host.lower().removesuffix(port)


def _matches(allowed: str, origin: str) -> bool:
    if allowed == "*":
        return True
    allowed, origin = allowed.lower().rstrip("/"), origin.lower()
    if "://*." not in allowed:
        return allowed == origin
    scheme, _, pattern = allowed.partition("://*")
    parts = urlsplit(origin)
    return parts.scheme == scheme and is_same_domain(parts.netloc, pattern)
