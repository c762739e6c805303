"""`this`: the invocation (of a method or a publication) that the running code serves."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any

from asgiref.sync import sync_to_async
from django.db.models import QuerySet
from django.http import HttpRequest

from dddp.random_stream import RandomStreams

current: ContextVar[Invocation] = ContextVar("dddp_invocation")

ON_LOOP = "in a method on the event loop"
NO_METHOD = "outside of a method called by a client"
SERVER_INITIATED = "on a server initiated method call"
UNBLOCKED = "in a method after calling unblock"


@dataclass
class Invocation:
    """What `this` gives inside a method or a publication.

    Attributes:
        user_id: the primary key of the logged-in user as a string, or None.
        known_ddp_id: the id of that user's document, where the server knows it already.
        connection: the client's connection: `id`, `client_address`, `headers`, `secure`,
            `transport`, `close()`, `on_close(callback)`; None if a server's call.
        random_streams: ids drawn from here equal those the client drew (optimistic inserts).
        is_simulation: False: this is the server.
        no_login: why `set_user_id` cannot be called; None in methods that a client has called.
        on_unblock: lets the client's next message be handled; None where nothing waits for one.
        run: awaits a function in a thread of the server's, for code on the server's event loop.
        caller: the invocation that this is a nested call of.
        has_asked: the database was asked something within it.
        user_was_set: `set_user_id` was called.
        while_exists: what `set_user_id` was given so.
    """

    user_id: str | None = None
    known_ddp_id: str | None = None
    connection: Any = None
    random_streams: RandomStreams = field(default_factory=lambda: RandomStreams(None))
    is_simulation: bool = False
    no_login: str | None = NO_METHOD
    on_unblock: Callable[[], object] | None = None
    run: Callable[..., Awaitable[Any]] | None = None
    caller: Invocation | None = None
    has_asked: bool = field(default=False, init=False)
    user_was_set: bool = field(default=False, init=False)
    while_exists: QuerySet[Any] | None = field(default=None, init=False)
    _user: Any = None
    _request: HttpRequest | None = None

    @classmethod
    def of_server(cls) -> Invocation:
        """Of a method that nobody's client has called."""
        return cls(no_login=SERVER_INITIATED, on_unblock=_nothing)

    def nested(self, method: str) -> Invocation:
        """Of a method that is called within this (Meteor 3: a seed of the stream "/rpc/...")."""
        return Invocation(
            user_id=self.user_id,
            known_ddp_id=self.known_ddp_id,
            connection=self.connection,
            random_streams=RandomStreams(self.random_streams.seed_for_call(method)),
            no_login=self.no_login,
            on_unblock=_nothing,
            caller=self,
            _user=self._user,
        )

    def asks(self) -> None:
        """The database is asked something, within this and those that it is nested in."""
        invocation: Invocation | None = self
        while invocation is not None:
            invocation.has_asked = True
            invocation = invocation.caller

    def login_taker(self) -> Callable[[], None]:
        """A function that takes back what `set_user_id` does from now on, for callers as well."""
        caller = _nothing if self.caller is None else self.caller.login_taker()
        before = self.user_id, self.while_exists, self.user_was_set

        def take_back() -> None:
            if before != (self.user_id, self.while_exists, self.user_was_set):
                self.user_id, self.while_exists, self.user_was_set = before
                self._user = self._request = self.known_ddp_id = None
            caller()

        return take_back

    @property
    def user(self) -> Any:
        """The logged-in user, or Django's AnonymousUser."""
        if self._user is None:
            self._user = _load_user(self.user_id)
        return self._user

    async def auser(self) -> Any:
        """`user`, in coroutines."""
        if self.run is not None and self._user is None:
            # Nobody looks after the connections of asgiref's threads.
            return await self.run(getattr, self, "user")
        return await sync_to_async(lambda: self.user)()

    @property
    def user_ddp_id(self) -> str | None:
        """The id of the user's document; None without one who is active.

        After `set_user_id` in a method it may ask the database, as `user` does.
        """
        from django.contrib.auth import get_user_model

        from dddp.api.ids import get_ddp_id, is_named_by_pk

        if self.user_id is None or is_named_by_pk(get_user_model()):
            return self.user_id
        if self.known_ddp_id is None and self.user.is_authenticated:
            self.known_ddp_id = get_ddp_id(self.user)
        return self.known_ddp_id

    @property
    def random_seed(self) -> str:
        """What the random streams are seeded with: the client's, or one of this invocation."""
        return self.random_streams.seed

    @property
    def request(self) -> HttpRequest:
        """The connection's handshake as a request, for code that expects one.

        It has `META`, `COOKIES`, `GET`, as `user` the logged-in one, and where
        `django.contrib.sessions` is installed the `session` of its cookie, which nobody saves.

        Raises:
            RuntimeError: there is no client.
        """
        if self.connection is None:
            raise RuntimeError("this.request: there is no client that could have sent one.")
        if self._request is None:
            self._request = _request_of(self)
        return self._request

    def unblock(self) -> None:
        """Let the client's next message be handled now: not when this method has returned, nor
        when this publication is ready.

        In nested calls nothing happens, nor once `set_user_id` was called: what follows a login
        waits for it.

        Raises:
            RuntimeError: neither a method nor `publish` is running.
        """
        if self.on_unblock is None:
            raise RuntimeError("this.unblock() can be called in methods and `publish` only.")
        if self.caller is None and not self.user_was_set:
            self.no_login = self.no_login or UNBLOCKED
            self.on_unblock()

    def set_user_id(self, user_id: str | None, while_exists: QuerySet[Any] | None = None) -> None:
        """Log the caller in as the user with this primary key, or out (None).

        All subscriptions of the client run again for the new user once the method's transaction
        is committed, before its result is sent. If the method fails, nothing changes.

        Args:
            while_exists: the connection is closed once this queryset has no row any more, on
                whichever server it was deleted. It is followed like a published one, from when
                the method's transaction is committed until `set_user_id` is called again.

        Raises:
            RuntimeError: nobody's method is running, or it has called `unblock`.
            TypeError: `user_id` is neither a string nor None, or there is a condition for nobody.
        """
        if self.no_login is not None:
            raise RuntimeError(f"Can't call set_user_id {self.no_login}.")
        if not isinstance(user_id, str | None):
            raise TypeError(f"set_user_id takes a string or None, not {user_id!r}: str(user.pk)")
        if while_exists is not None and (user_id is None or not isinstance(while_exists, QuerySet)):
            raise TypeError("while_exists is a queryset, and goes with a user.")
        if self.caller is not None:
            self.caller.set_user_id(user_id, while_exists)
        self.user_id, self.while_exists, self.user_was_set = user_id, while_exists, True
        self._user = self._request = self.known_ddp_id = None


class This:
    """Stands for the current `Invocation`; outside of one every attribute raises RuntimeError."""

    def __getattr__(self, name: str) -> Any:
        try:
            invocation = current.get()
        except LookupError:
            raise RuntimeError(
                f"this.{name} can be used in methods and publications only: "
                "nobody's call is being served here."
            ) from None
        return getattr(invocation, name)


this: Any = This()


def _nothing() -> None:
    """Unblocking a nested call."""


def _load_user(user_id: str | None) -> Any:
    from django.contrib.auth import get_user_model
    from django.contrib.auth.models import AnonymousUser

    if user_id is None:
        return AnonymousUser()
    user = get_user_model()._default_manager.filter(pk=user_id).first()
    return user if getattr(user, "is_active", user is not None) else AnonymousUser()


def _request_of(invocation: Invocation) -> HttpRequest:
    from importlib import import_module

    from django.apps import apps
    from django.conf import settings
    from django.utils.functional import SimpleLazyObject

    request: Any = invocation.connection.request()
    request.user = SimpleLazyObject(lambda: invocation.user)
    if apps.is_installed("django.contrib.sessions"):
        key = request.COOKIES.get(settings.SESSION_COOKIE_NAME)
        request.session = import_module(settings.SESSION_ENGINE).SessionStore(key)
    found: HttpRequest = request
    return found
