"""Making users for clients that sign up."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.contrib.auth import get_user_model
from django.core.exceptions import ValidationError
from django.db import IntegrityError, connections, router, transaction

from dddp.accounts.conf import conf
from dddp.accounts.errors import refused
from dddp.accounts.lookup import email_of, field_of, is_taken
from dddp.accounts.passwords import require_acceptable
from dddp.accounts.signals import user_signed_up
from dddp.accounts.users import Users
from dddp.api import API, this
from dddp.exceptions import MeteorError

Hook = Callable[[Any], Any]

_hooks: list[Hook] = []


def validate_new_user(function: Hook) -> Hook:
    """Decorator: a function that is asked about each user who signs up, before it is saved.

    Returns False to refuse it ("User validation failed"), or raises MeteorError to say why.
    """
    _hooks.append(function)
    return function


def create_user(username: str, email: str, password: str | None, profile: dict[str, Any]) -> Any:
    """A new user, saved. Without a password nobody can log in before one is set by mail.

    Args:
        username, email: "" for none, but not both.

    Raises:
        MeteorError: the name or address is taken, or anything of it is not accepted.
    """
    user = _new(username, email)
    require_domain(email_of(user))  # where addresses are names, the one that was given as such
    users = API.collection(Users.name)
    if profile and isinstance(users, Users):
        users.set_profile(user, profile)
    if password is None:
        user.set_unusable_password()
    else:
        require_acceptable(password, user)
        user.set_password(password)
    with transaction.atomic(using=router.db_for_write(type(user))):
        _require_free(user, username, email)
        _require_valid(user)
        try:
            with transaction.atomic(using=router.db_for_write(type(user))):
                user.save()
        except IntegrityError:
            raise refused("Username already exists.") from None
        user_signed_up.send(sender=type(user), user=user, request=this.request)
    return user


def require_domain(email: str) -> None:
    """Of addresses, those that `DDP_ACCOUNTS_EMAIL_DOMAIN` lets in."""
    wanted = conf.email_domain
    if callable(wanted):
        if not wanted(email):
            raise MeteorError(403, "Email doesn't match the criteria.")
    elif wanted and not email.lower().endswith(f"@{wanted.lower()}"):
        raise MeteorError(403, f"@{wanted} email required")


def _new(username: str, email: str) -> Any:
    model: Any = get_user_model()
    values = {}
    address = field_of("email")
    if address is not None:
        values[address] = model._default_manager.normalize_email(email)
    if model.USERNAME_FIELD not in values or username:
        values[model.USERNAME_FIELD] = model.normalize_username(username or email)
    return model(**values)


def _require_free(user: Any, username: str, email: str) -> None:
    """Nobody else has the name or the address, nor gets it until this transaction ends."""
    names = [("username", user.get_username()), ("email", email)]
    wanted = [(key, value) for key, value in names if value]
    with connections[router.db_for_write(type(user))].cursor() as cursor:
        for lock in sorted({f"dddp.accounts {value.casefold()}" for _, value in wanted}):
            cursor.execute("SELECT pg_advisory_xact_lock(hashtext(%s))", [lock])
    for key, value in wanted:
        if is_taken(key, value):
            reason = "Username already exists." if key == "username" else "Email already exists."
            raise refused(reason)


def _require_valid(user: Any) -> None:
    for hook in _hooks:
        if hook(user) is False:
            raise MeteorError(403, "User validation failed")
    try:
        user.full_clean(validate_unique=False, validate_constraints=False)
    except ValidationError as error:
        raise MeteorError(400, " ".join(error.messages)) from error
