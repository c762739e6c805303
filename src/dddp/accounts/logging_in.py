"""Logging the caller in: who decides, and what follows from it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.contrib.auth.signals import user_logged_in
from django.db import router, transaction

from dddp.accounts import sweeping, tokens
from dddp.accounts.errors import changed_meanwhile
from dddp.accounts.lookup import is_active
from dddp.accounts.models import LoginToken
from dddp.api import get_ddp_id, this
from dddp.exceptions import MeteorError

LoginHandler = Callable[[dict[str, Any]], Any]
Hook = Callable[["LoginAttempt"], Any]

_handlers: dict[str, LoginHandler] = {}
_hooks: list[Hook] = []


@dataclass(frozen=True)
class LoginAttempt:
    """Somebody who has shown who he is.

    Attributes:
        type: "password", "resume", "session", or the name of a login handler.
        user: the user, who is active.
        connection: `this.connection`.
    """

    type: str
    user: Any
    connection: Any


def login_handler(name: str) -> Callable[[LoginHandler], LoginHandler]:
    """Decorator: a function that logs clients in for a service of this name.

    It is called with the argument of the method `login` when the handlers before it gave None, and
    returns the user, or None if the argument is not meant for it; raises MeteorError to refuse.
    """

    def register(function: LoginHandler) -> LoginHandler:
        _handlers[name] = function
        return function

    return register


def validate_login(function: Hook) -> Hook:
    """Decorator: a function that is asked about each `LoginAttempt`.

    Returns False to refuse it ("Login forbidden"), or raises MeteorError to say why.
    """
    _hooks.append(function)
    return function


def user_for(options: dict[str, Any]) -> tuple[Any, str]:
    """Ask the registered handlers: the user, and the name of the handler."""
    for name, handler in _handlers.items():
        user = handler(options)
        if user is not None:
            return user, name
    raise MeteorError(400, "Unrecognized options for login request")


def log_in(user: Any, type: str) -> dict[str, Any]:
    """Log the caller of the running method in with a new token; returns the method's result.

    Sends `user_logged_in`. Raises MeteorError when the user has been deactivated or got another
    password meanwhile, or when a `validate_login` function refuses.
    """
    with transaction.atomic(using=router.db_for_write(LoginToken)):
        present = tokens.locked(user)
        if present is None or not is_active(present) or present.password != user.password:
            raise changed_meanwhile()
        require_allowed(user, type)
        secret, token = tokens.issue(present)
        user_logged_in.send(sender=user.__class__, request=this.request, user=user)
        tokens.use(user, token)
    sweeping.begin()
    return {**result(user, secret, token), "type": type}


def resume(secret: str) -> dict[str, Any]:
    """Log the caller in with the token that it has."""
    token = tokens.found(secret)
    require_allowed(token.user, "resume")
    tokens.use(token.user, token)
    sweeping.begin()
    return {**result(token.user, secret, token), "type": "resume"}


def require_allowed(user: Any, type: str) -> None:
    """Ask the `validate_login` functions."""
    attempt = LoginAttempt(type, user, this.connection)
    for hook in _hooks:
        if hook(attempt) is False:
            raise MeteorError(403, "Login forbidden")


def result(user: Any, secret: str, token: LoginToken) -> dict[str, Any]:
    """What clients keep of a login."""
    return {"id": get_ddp_id(user), "token": secret, "tokenExpires": token.expires}
