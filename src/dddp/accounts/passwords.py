"""Checking a user's password through Django's backends, and judging new ones."""

from __future__ import annotations

import secrets
from typing import Any

from django.contrib.auth import authenticate, get_user_model
from django.contrib.auth.password_validation import get_default_password_validators
from django.contrib.auth.password_validation import validate_password as validate
from django.core.exceptions import ValidationError

from dddp.accounts.access import Failures
from dddp.accounts.conf import conf
from dddp.accounts.errors import refused
from dddp.accounts.hashers import ALGORITHM, Digest, digest_of
from dddp.accounts.lookup import find_user
from dddp.api import this
from dddp.exceptions import MeteorError

PLAIN_PASSWORD = {"plainPassword": True}
"""`details` of every failed login with a digest: the plain password may do (reference)."""


def user_with_password(key: str, value: str, password: str) -> Any:
    """The user so named if the password is right; raises MeteorError otherwise.

    Known and unknown users, right and wrong passwords cost the same: one lookup, and each backend
    is asked once.
    """
    if key == "username":
        value = get_user_model().normalize_username(value)
    failures = Failures(this.connection.client_address, value)
    failures.require_few()
    found, stranger = find_user(key, value), _name_of_nobody(key, value)
    name = stranger if found is None else found.get_username()
    user = authenticate(this.request, username=name, password=password)
    if user is not None and (found is None or found.pk == user.pk):
        return user
    failures.add()
    raise refused(_reason(found, password), _advice(password))


def check_own_password(user: Any, password: str) -> None:
    """Is it this user's? Raises MeteorError otherwise."""
    failures = Failures(this.connection.client_address, user.get_username())
    failures.require_few()
    if not user.check_password(password):
        failures.add()
        raise refused(_reason(user, password), _advice(password))


def require_acceptable(password: str, user: Any) -> None:
    """Ask AUTH_PASSWORD_VALIDATORS; raises MeteorError with their sentences.

    Of a digest nobody can tell how long the password was. That of an empty password, of the user's
    own names and of Django's common passwords is known.
    """
    if isinstance(password, Digest):
        if not conf.new_passwords_as_digest:
            raise MeteorError(400, "Send the new password itself.", PLAIN_PASSWORD)
        if password.value in _known_digests(user):
            raise MeteorError(400, "This password is too common.")
        return
    try:
        validate(password, user)
    except ValidationError as error:
        raise MeteorError(400, " ".join(error.messages)) from error


def _name_of_nobody(key: str, value: str) -> str:
    """What the backends shall look for if there is no such user; asked for in any case.

    It is the value itself, in case that a backend knows more users than the database; but an
    address may be another user's name.
    """
    model: Any = get_user_model()
    names = model._default_manager.filter(**{model.USERNAME_FIELD: value})
    taken = key == "email" and names.exists()
    return secrets.token_urlsafe() if key == "id" or taken else value


def _reason(user: Any, password: str) -> str:
    if user is None:
        return "User not found"
    if not user.has_usable_password():
        return "User has no password set"
    if isinstance(password, Digest) and not user.password.startswith(f"{ALGORITHM}$"):
        return "This user's password is not known as a digest yet: log in with it in plain once."
    return "Incorrect password"


def _advice(password: str) -> Any:
    wanted = conf.ask_for_plain_password and isinstance(password, Digest)
    return PLAIN_PASSWORD if wanted else None


def _known_digests(user: Any) -> set[str]:
    words = {"", *(str(value) for value in vars(user).values() if isinstance(value, str))}
    for validator in get_default_password_validators():
        words |= set(getattr(validator, "passwords", ()))
    return {digest_of(word) for word in words}
