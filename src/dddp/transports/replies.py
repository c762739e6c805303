"""Whole HTTP responses."""

from __future__ import annotations

from dddp.transports.asgi_types import Headers, Scope, Send

TEXT = b"text/plain; charset=UTF-8"
JSON = b"application/json; charset=UTF-8"
HTML = b"text/html; charset=UTF-8"
SCRIPT = b"application/javascript; charset=UTF-8"
EVENTS = b"text/event-stream; charset=UTF-8"

NO_CACHE = (b"cache-control", b"no-store, no-cache, no-transform, must-revalidate, max-age=0")

REASONS = {
    400: b"Bad Request\n",
    403: b"Forbidden\n",
    429: b"Too Many Requests\n",
    503: b"Service Unavailable\n",
}


async def reply(
    scope: Scope,
    send: Send,
    status: int,
    body: bytes = b"",
    kind: bytes | None = TEXT,
    headers: Headers | tuple[()] = (),
) -> None:
    """Send a response; to HEAD its headers only.

    Args:
        kind: the content type; None for none.
    """
    start = [*headers]
    if kind is not None:
        start.append((b"content-type", kind))
    if status not in (204, 304):
        start.append((b"content-length", b"%d" % len(body)))
    await send({"type": "http.response.start", "status": status, "headers": start})
    await send({"type": "http.response.body", "body": b"" if scope["method"] == "HEAD" else body})
