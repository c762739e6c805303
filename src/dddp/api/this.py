"""`this`: the invocation (of a method or a publication) that the running code serves."""

from __future__ import annotations

from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any

from dddp.random_stream import RandomStreams

current: ContextVar[Invocation] = ContextVar("dddp_invocation")


@dataclass
class Invocation:
    """What `this` gives inside a method or a publication.

    Attributes:
        user_id: the primary key of the logged-in user as a string, or None.
        connection: the client's connection (address, headers, ...).
        random_streams: ids drawn from here equal those the client drew (optimistic inserts).
        is_simulation: False: this is the server.
    """

    user_id: str | None = None
    connection: Any = None
    random_streams: RandomStreams = field(default_factory=lambda: RandomStreams(None))
    is_simulation: bool = False
    _user: Any = None

    @property
    def user(self) -> Any:
        """The logged-in user, or Django's AnonymousUser."""
        if self._user is None:
            self._user = _load_user(self.user_id)
        return self._user


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
    users = get_user_model()._default_manager
    return users.filter(pk=user_id, is_active=True).first() or AnonymousUser()
