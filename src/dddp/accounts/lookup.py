"""Finding users by what clients call them."""

from __future__ import annotations

from typing import Any

from django.contrib.auth import get_user_model
from django.core.exceptions import FieldDoesNotExist

from dddp.accounts.conf import conf
from dddp.api import get_object

SEVERAL = 20


def find_user(key: str, value: str) -> Any:
    """The user by "username", "email" or "id", active or not; None if there is none, or several.

    Names are looked for exactly, then without regard to case if that finds a single one; it is one
    statement in any case, so that its time does not tell which it was.
    """
    if key == "id":
        return _by_id(value)
    field = field_of(key)
    if field is None:
        return None
    users = get_user_model()._default_manager
    if not conf.case_insensitive:
        found = list(users.filter(**{field: value})[:2])
    else:
        similar = list(users.filter(**{f"{field}__iexact": value})[:SEVERAL])
        found = [user for user in similar if getattr(user, field) == value] or similar
    return found[0] if len(found) == 1 else None


def is_taken(key: str, value: str) -> bool:
    """Has a user this name or address, in whatever case?"""
    field = field_of(key)
    users = get_user_model()._default_manager
    return field is not None and users.filter(**{f"{field}__iexact": value}).exists()


def field_of(key: str) -> str | None:
    """The user model's field for "username" or "email", if it has one."""
    model: Any = get_user_model()
    name: str = model.USERNAME_FIELD if key == "username" else model.get_email_field_name()
    return name if has_field(name) else None


def email_of(user: Any) -> str:
    """The user's address, "" if there is none."""
    field = field_of("email")
    return "" if field is None else (getattr(user, field) or "")


def is_active(user: Any) -> bool:
    """As Django's ModelBackend has it: models without `is_active` know no other users."""
    return bool(getattr(user, "is_active", True))


def has_field(name: str) -> bool:
    """Has the user model a field of this name?"""
    try:
        get_user_model()._meta.get_field(name)
    except FieldDoesNotExist:
        return False
    return True


def _by_id(value: str) -> Any:
    model: Any = get_user_model()
    try:
        return get_object(model, value)
    except model.DoesNotExist:
        return None
