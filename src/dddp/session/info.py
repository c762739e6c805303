"""What a transport knows about the other end of a connection."""

from __future__ import annotations

from dataclasses import dataclass, field
from io import BytesIO

from django.core.handlers.asgi import ASGIRequest

OF_A_BODY = (b"content-type", b"content-length")


@dataclass(frozen=True, slots=True)
class ConnectionInfo:
    """One client connection.

    Attributes:
        address: the peer's IP address, "" when unknown (a unix socket).
        headers: the HTTP request's headers as in ASGI: lower-case names, bytes.
        secure: True over TLS.
        transport: "websocket", "sockjs-websocket", or SockJS's name for one over HTTP.
        path, query: of the URL; the query as in ASGI, without the "?".
        server: the host and port that accepted the connection, if known.
    """

    address: str = ""
    headers: tuple[tuple[bytes, bytes], ...] = field(default=(), repr=False)
    secure: bool = False
    transport: str = "websocket"
    path: str = "/websocket"
    query: bytes = field(default=b"", repr=False)
    server: tuple[str, int | None] | None = None

    def request(self) -> ASGIRequest:
        """The handshake as Django would see it: a GET without a body."""
        scope = {
            "type": "http",
            "method": "GET",
            "scheme": "https" if self.secure else "http",
            "path": self.path,
            # Anything may come; Django would raise for what it cannot decode.
            "query_string": self.query.decode(errors="replace"),
            "headers": [each for each in self.headers if each[0] not in OF_A_BODY],
            "client": (self.address, 0) if self.address else None,
            "server": self.server,
        }
        return ASGIRequest(scope, BytesIO())
