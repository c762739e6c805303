"""Login tokens: made, found again, dropped."""

from __future__ import annotations

import datetime as dt
import threading
from typing import Any

from django.contrib.auth import get_user_model
from django.db import router, transaction
from django.utils import timezone

from dddp.accounts.access import parsed_address
from dddp.accounts.conf import conf
from dddp.accounts.lookup import is_active
from dddp.accounts.models import LoginToken, days, fingerprint_of, hashed, new_secret
from dddp.api import this
from dddp.exceptions import MeteorError

LOGGED_OUT = "You've been logged out by the server. Please log in again."
EXPIRED = "Your session has expired. Please log in again."
USED_AGAIN = dt.timedelta(minutes=1)
"""How exact `last_used` is: not every reconnect is worth a write."""

_current: dict[str, int | None] = {}
_lock = threading.Lock()


def locked(user: Any) -> Any:
    """The user's row as it is now, locked until the end of the transaction; None if it is gone.

    Who changes a password or deactivates a user holds this lock as well, so a token is made either
    before, and dropped then, or not at all.
    """
    users = get_user_model()._default_manager
    return users.select_for_update(of=("self",), no_key=True).filter(pk=user.pk).first()


def issue(user: Any, expires: dt.datetime | None = None) -> tuple[str, LoginToken]:
    """A new token for a user whose row is locked: as the client gets it, and its row."""
    secret = new_secret()
    token = LoginToken.objects.create(
        user=user,
        hashed_token=hashed(secret),
        password_fingerprint=fingerprint_of(user),
        expires=expires or days(conf.token_days),
        **client(),
    )
    mine = LoginToken.objects.filter(user=user)
    newest = mine.order_by("-created", "-pk").values_list("pk", flat=True)
    mine.exclude(pk__in=list(newest[: conf.max_tokens])).delete()
    return secret, token


def found(secret: str) -> LoginToken:
    """The row of a token that a client has sent; its user may log in.

    Raises MeteorError for one that is unknown, dropped, expired, or made with another password;
    such rows are deleted.
    """
    tokens = LoginToken.objects.select_related("user")
    token = tokens.filter(hashed_token=hashed(secret), kind=LoginToken.Kind.RESUME).first()
    if token is None:
        raise MeteorError(403, LOGGED_OUT)
    if is_active(token.user) and token.fits(token.user):
        if token.last_used < timezone.now() - USED_AGAIN:
            LoginToken.objects.filter(pk=token.pk).update(last_used=timezone.now(), **client())
        return token
    is_old = token.expires <= timezone.now()
    token.delete()
    raise MeteorError(403, EXPIRED if is_old else LOGGED_OUT)


def use(user: Any, token: LoginToken) -> None:
    """Log the caller in for as long as the token exists."""
    this.set_user_id(str(user.pk), while_exists=token.alive())
    _remember(token.pk)


def leave() -> None:
    """Log the caller out."""
    this.set_user_id(None)
    _remember(None)


def current() -> LoginToken | None:
    """The token that the caller is logged in with, if it still exists."""
    token = remembered()
    return token if token is not None and str(token.user_id) == this.user_id else None


def remembered() -> LoginToken | None:
    """The same, though the user may have been deactivated since."""
    pk = _current.get(this.connection.id)
    return None if pk is None else LoginToken.objects.filter(pk=pk).first()


def is_good(token: LoginToken, user: Any) -> bool:
    """Does it still let this user, whose row is locked, log in?"""
    there = LoginToken.objects.filter(pk=token.pk).exists()
    return there and user is not None and is_active(user) and token.fits(user)


def drop(user: Any, keep: LoginToken | None = None) -> int:
    """Delete a user's tokens, but for one; their connections are closed. Returns how many."""
    with transaction.atomic(using=router.db_for_write(LoginToken)):
        locked(user)  # or one that is being made were not seen, and stayed
        tokens = LoginToken.objects.filter(user=user)
        if keep is not None:
            tokens = tokens.exclude(pk=keep.pk)
        return tokens.delete()[0]


def client() -> dict[str, Any]:
    """What a token's row tells of the client."""
    connection = this.connection
    address = parsed_address(connection.client_address)
    return {
        "address": None if address is None else str(address),
        "user_agent": connection.headers.get("user-agent", "").replace("\0", "")[:200],
    }


def _remember(pk: int | None) -> None:
    """Of the caller's connection, from when the transaction is committed until it is closed."""
    connection = this.connection

    def remember() -> None:
        with _lock:
            known = connection.id in _current
            _current[connection.id] = pk
        if not known:
            connection.on_close(forget)

    def forget() -> None:
        with _lock:
            del _current[connection.id]

    transaction.on_commit(remember)
