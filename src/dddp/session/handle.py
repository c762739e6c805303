"""`this.connection`: a client's connection, as methods and publications see it."""

from __future__ import annotations

import asyncio
import contextvars
import threading
from collections.abc import Callable, Mapping
from functools import cached_property
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from django.http import HttpRequest

from dddp.session.callbacks import Callbacks
from dddp.session.info import ConnectionInfo
from dddp.session.work import on_loop

if TYPE_CHECKING:
    from dddp.session.hub import Hub


class ConnectionHandle:
    """May be kept and used from any thread, also when the connection is closed.

    Attributes:
        id: the DDP session's; "" before the client's `connect`.
        client_address: the peer's IP address as the server reports it, "" if unknown.
        transport: "websocket", "sockjs-websocket", or SockJS's name for one over HTTP.
        closed: the connection has ended.
    """

    def __init__(self, hub: Hub, info: ConnectionInfo, end: Callable[[], None]) -> None:
        self._hub = hub
        self._info = info
        self._end = end
        self._loop = asyncio.get_running_loop()
        self._loop_thread = threading.get_ident()
        self._on_close = Callbacks(hub.user_threads.run, "on_close of a connection")
        self.id = ""
        self.client_address = info.address
        self.transport = info.transport
        self.closed = False

    @cached_property
    def headers(self) -> Mapping[str, str]:
        """Of the HTTP request, by lower-case name; several of one name are joined by a comma."""
        found: dict[str, str] = {}
        for raw_name, raw_value in self._info.headers:
            name, value = raw_name.decode("latin-1"), raw_value.decode("latin-1")
            found[name] = f"{found[name]},{value}" if name in found else value
        return MappingProxyType(found)

    @cached_property
    def secure(self) -> bool:
        """Does the client talk TLS, to this server or, by SECURE_PROXY_SSL_HEADER, to a proxy?"""
        return self.request().is_secure()

    def request(self) -> HttpRequest:
        """A new request made of the handshake: headers, cookies and query; without a user."""
        return self._info.request()

    def close(self) -> None:
        """End the connection (1000); nothing more of the client is handled or answered."""
        on_loop(self._loop, self._end)

    def on_close(self, callback: Callable[[], Any]) -> None:
        """Have `callback()` called in a thread, or awaited, at the end; at once if that was."""
        if threading.get_ident() == self._loop_thread:
            self._keep(callback)
        else:
            on_loop(self._loop, self._keep, callback)

    def ended(self) -> None:
        """For the session: the connection is no more."""
        self.closed = True
        if self._on_close:
            # Not in the context of whoever closed it: `this` is nobody's.
            task = self._loop.create_task(self._on_close.call(), context=contextvars.Context())
            self._hub.finish(task)

    def _keep(self, callback: Callable[[], Any]) -> None:
        self._on_close.add(callback)
        if self.closed:
            self.ended()
