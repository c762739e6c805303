"""`this.connection`: a client's connection, as methods and publications see it."""

from __future__ import annotations

import asyncio
import contextvars
import threading
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from django.http import HttpRequest

from dddp.alea import random_id
from dddp.session.callbacks import Callbacks
from dddp.session.info import ConnectionInfo
from dddp.session.work import on_loop

if TYPE_CHECKING:
    from dddp.session.hub import Hub


class ConnectionHandle:
    """May be kept and used from any thread, also when the connection is closed.

    It outlives a lost connection whose session is resumed; what it tells of is the newest.

    Attributes:
        id: of the connection, for logs and applications; with it nobody can resume the session.
        closed: the connection has ended.
        is_greeted: all that decides on connections has been asked.
    """

    def __init__(self, hub: Hub, info: ConnectionInfo, end: Callable[[], None]) -> None:
        self._hub = hub
        self._info = info
        self._end = end
        self._loop = asyncio.get_running_loop()
        self._loop_thread = threading.get_ident()
        self._on_close = Callbacks(hub.user_threads.run, "on_close of a connection")
        self._headers: Mapping[str, str] | None = None
        self._bound_to_credentials = self._bound_to_address = False
        self.id = random_id()
        self.closed = False
        self.is_greeted = False

    @property
    def address(self) -> str:
        """For this package, as `client_address`."""
        return self._info.address

    @property
    def client_address(self) -> str:
        """The peer's IP address as the server reports it, "" if unknown."""
        self._bound_to_address |= not self.is_greeted
        return self._info.address

    @property
    def transport(self) -> str:
        """ "websocket", "sockjs-websocket", or SockJS's name for one over HTTP."""
        return self._info.transport

    @property
    def headers(self) -> Mapping[str, str]:
        """Of the HTTP request, by lower-case name; several of one name are joined by a comma."""
        self._bound_to_credentials = True
        if self._headers is None:
            self._headers = MappingProxyType(self._info.joined_headers())
        return self._headers

    @property
    def secure(self) -> bool:
        """Does the client talk TLS, to this server or, by SECURE_PROXY_SSL_HEADER, to a proxy?"""
        return self._info.request().is_secure()

    def request(self) -> HttpRequest:
        """A new request made of the handshake: headers, cookies and query; without a user."""
        self._bound_to_credentials = True
        return self._info.request()

    def may_move_to(self, info: ConnectionInfo) -> bool:
        """For the session: is another connection as good to all who have looked at this one?

        Whoever has decided by what it showed would have to be asked again otherwise.
        """
        old = self._info
        return (
            info.site() == old.site()
            and (info.credentials() == old.credentials() or not self._bound_to_credentials)
            and (info.address == old.address or not self._bound_to_address)
        )

    def move_to(self, info: ConnectionInfo) -> None:
        """For the session: it goes on with another connection."""
        self._info = info
        self._headers = None

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
