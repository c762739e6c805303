"""The ways to talk to a server: each a client that is given the URL of the raw WebSocket."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from dddp.testing.client import DDPClient

TRANSPORTS: dict[str, Callable[..., DDPClient]] = {
    "websocket": DDPClient,
    "sockjs-websocket": partial(DDPClient, sockjs=True),
    "xhr-polling": partial(DDPClient, transport="xhr-polling"),
    "xhr-streaming": partial(DDPClient, transport="xhr-streaming"),
    "eventsource": partial(DDPClient, transport="eventsource"),
}
"""The server's name of it (`this.connection.transport`) -> makes a client: `(url, **options)`."""

Connect = Callable[..., Any]
