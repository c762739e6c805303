"""What headers say of an HTTP request of SockJS, and what the answer says.

A WebSocket says in Origin which page opens it. Scripts and frames that a page asks for (jsonp,
htmlfile), and streams from its own site (eventsource), have no Origin; there the browser tells in
Sec-Fetch-Site, or in Referer.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from urllib.parse import urlsplit

from django.conf import settings
from django.http import parse_cookie

from dddp.conf import conf
from dddp.session.info import CREDENTIALS
from dddp.transports import access
from dddp.transports.asgi_types import Headers, Scope, header

YEAR = timedelta(days=365)


def refusal(scope: Scope) -> int | None:
    """As `access.refusal`; 403 also for a page of another site that sends no Origin."""
    return access.refusal(scope) or (403 if _is_from_elsewhere(scope) else None)


def page_is_known(scope: Scope) -> bool:
    """Whether the browser says that a page which may connect has sent this (accepted) request.

    Only then what it sends by itself, cookies, may count. Without an Origin a request may be some
    other site's doing in a browser that tells nothing.
    """
    if header(scope, b"origin") is not None or header(scope, b"sec-fetch-site") == "same-origin":
        return True
    referer = header(scope, b"referer")
    return referer is not None and _is_allowed(_origin(referer), scope)


def heeded(scope: Scope) -> tuple[tuple[bytes, bytes], ...]:
    """The request's headers, without credentials unless the page is known."""
    known = page_is_known(scope)
    return tuple(
        (bytes(name), bytes(value))
        for name, value in scope["headers"]
        if known or name not in CREDENTIALS
    )


def browser_session(scope: Scope) -> str | None:
    """The key of Django's session that the browser is in, if that counts."""
    cookie = header(scope, b"cookie")
    if cookie is None or not page_is_known(scope):
        return None
    return parse_cookie(cookie).get(settings.SESSION_COOKIE_NAME)


def cors(scope: Scope) -> Headers:
    """Fetch, "CORS protocol": other sites may read this iff they may connect."""
    vary = (b"vary", b"Origin")
    origin = header(scope, b"origin")
    if origin is None:
        return [vary, (b"access-control-allow-origin", b"*")]
    if not _is_allowed(origin, scope):
        return [vary]
    allow = [
        (b"access-control-allow-origin", origin.encode("latin-1")),
        (b"access-control-allow-credentials", b"true"),
    ]
    wanted = header(scope, b"access-control-request-headers")
    if wanted:
        allow.append((b"access-control-allow-headers", wanted.encode("latin-1")))
    return [vary, *allow]


def preflight(method: bytes) -> Headers:
    """What a browser is told that asks whether it may use this method; for a year."""
    age = b"%d" % YEAR.total_seconds()
    return [
        *cacheable(),
        (b"access-control-allow-methods", b"OPTIONS, " + method),
        (b"access-control-max-age", age),
    ]


def cacheable() -> Headers:
    """Kept by browsers for a year."""
    expires = format_datetime(datetime.now(UTC) + YEAR, usegmt=True)
    return [
        (b"cache-control", b"public, max-age=%d" % YEAR.total_seconds()),
        (b"expires", expires.encode()),
    ]


def cookie(scope: Scope) -> Headers:
    """JSESSIONID, for balancers that stick to those who have it (`DDP_SOCKJS_COOKIE`)."""
    if not conf.sockjs_cookie:
        return []
    value = parse_cookie(header(scope, b"cookie") or "").get("JSESSIONID", "dummy")
    harmless = value.isascii() and value.replace("-", "").replace(".", "").isalnum()
    kept = value if harmless else "dummy"
    secure = "; Secure" if scope.get("scheme") == "https" else ""
    return [(b"set-cookie", f"JSESSIONID={kept}; path=/; HttpOnly{secure}".encode())]


def _is_from_elsewhere(scope: Scope) -> bool:
    if page_is_known(scope):
        return False
    told = header(scope, b"sec-fetch-site") in ("cross-site", "same-site")
    return told or header(scope, b"referer") is not None


def _is_allowed(origin: str, scope: Scope) -> bool:
    host = access.allowed_host(scope) or ""
    return access.origin_allowed(origin, host, secure=access.is_secure(scope))


def _origin(url: str) -> str:
    try:
        parts = urlsplit(url)
    except ValueError:
        return ""
    return f"{parts.scheme}://{parts.netloc}"
