"""What a transport knows about the other end of a connection."""

from __future__ import annotations

from dataclasses import dataclass, field
from io import BytesIO

from django.core.handlers.asgi import ASGIRequest

SITE = (b"origin", b"host", b"x-forwarded-host")
CREDENTIALS = (b"authorization", b"cookie")
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

    def joined_headers(self) -> dict[str, str]:
        """By lower-case name; several of one name are joined by a comma."""
        found: dict[str, str] = {}
        for raw_name, raw_value in self.headers:
            name, value = raw_name.decode("latin-1"), raw_value.decode("latin-1")
            found[name] = f"{found[name]},{value}" if name in found else value
        return found

    def site(self) -> tuple[object, ...]:
        """Which page has connected, to which server, and how safely."""
        return self.request().is_secure(), *self._named(SITE)

    def credentials(self) -> tuple[object, ...]:
        """What says who has connected."""
        return self.query, *self._named(CREDENTIALS)

    def _named(self, names: tuple[bytes, ...]) -> list[tuple[bytes, bytes]]:
        return [each for each in self.headers if each[0] in names]
