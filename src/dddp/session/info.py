"""What a transport knows about the other end of a connection."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class ConnectionInfo:
    """One client connection.

    Attributes:
        address: the peer's IP address, "" when unknown (a unix socket).
        headers: the HTTP request's headers as in ASGI: lower-case names, bytes.
        secure: True over TLS.
        transport: "websocket" or "sockjs-websocket".
    """

    address: str = ""
    headers: tuple[tuple[bytes, bytes], ...] = field(default=(), repr=False)
    secure: bool = False
    transport: str = "websocket"
