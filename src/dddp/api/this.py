"""`this`: the invocation (of a method or a publication) that the running code serves."""

from __future__ import annotations

from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any

from django.db.models import QuerySet

from dddp.random_stream import RandomStreams

current: ContextVar[Invocation] = ContextVar("dddp_invocation")


@dataclass
class Invocation:
    """What `this` gives inside a method or a publication.

    Attributes:
        user_id: the primary key of the logged-in user as a string, or None.
        connection: the client's connection: `id`, `client_address`, `headers`, `secure`,
            `transport`, `close()`, `on_close(callback)`.
        random_streams: ids drawn from here equal those the client drew (optimistic inserts).
        is_simulation: False: this is the server.
        may_set_user: in methods that a client has called.
        user_was_set: `set_user_id` was called.
        while_exists: what `set_user_id` was given so.
    """

    user_id: str | None = None
    connection: Any = None
    random_streams: RandomStreams = field(default_factory=lambda: RandomStreams(None))
    is_simulation: bool = False
    may_set_user: bool = False
    user_was_set: bool = field(default=False, init=False)
    while_exists: QuerySet[Any] | None = field(default=None, init=False)
    _user: Any = None

    @property
    def user(self) -> Any:
        """The logged-in user, or Django's AnonymousUser."""
        if self._user is None:
            self._user = _load_user(self.user_id)
        return self._user

    def set_user_id(self, user_id: str | None, while_exists: QuerySet[Any] | None = None) -> None:
        """Log the caller in as the user with this primary key, or out (None).

        All subscriptions of the client run again for the new user once the method's transaction
        is committed, before its result is sent. If the method fails, nothing changes.

        Args:
            while_exists: the connection is closed once this queryset has no row any more, on
                whichever server it was deleted. It is followed like a published one, from when
                the method's transaction is committed until `set_user_id` is called again.

        Raises:
            RuntimeError: nobody's method is running.
            TypeError: `user_id` is neither a string nor None, or there is a condition for nobody.
        """
        if not self.may_set_user:
            raise RuntimeError("Can't call set_user_id outside of a method called by a client.")
        if not isinstance(user_id, str | None):
            raise TypeError(f"set_user_id takes a string or None, not {user_id!r}: str(user.pk)")
        if while_exists is not None and (user_id is None or not isinstance(while_exists, QuerySet)):
            raise TypeError("while_exists is a queryset, and goes with a user.")
        self.user_id, self._user, self.user_was_set = user_id, None, True
        self.while_exists = while_exists


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


def _load_user(user_id: str | None) -> Any:
    from django.contrib.auth import get_user_model
    from django.contrib.auth.models import AnonymousUser

    if user_id is None:
        return AnonymousUser()
    user = get_user_model()._default_manager.filter(pk=user_id).first()
    return user if getattr(user, "is_active", user is not None) else AnonymousUser()
