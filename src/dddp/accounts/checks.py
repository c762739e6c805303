"""System checks of this app."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.contrib.auth import get_user_model
from django.core.checks import CheckMessage, Error, Warning, register
from django.utils.module_loading import import_string

from dddp.accounts import hashers
from dddp.accounts.conf import DEFAULTS, PREFIX, conf
from dddp.accounts.users import Users

TAG = "dddp"
LONGEST = 128
"""Of what Django's hashers make; scrypt's takes all of it."""


@register(TAG)
def check_hashers(**_: Any) -> list[CheckMessage]:
    """W001: digests cannot be verified; E001: hashes do not fit the column."""
    hasher = f"{hashers.__name__}.DigestPasswordHasher"
    if not hashers.is_preferred():
        return [
            Warning(
                "Stock Meteor clients cannot log in: they send SHA-256 digests of passwords.",
                hint=f"Put {hasher!r} first into PASSWORD_HASHERS.",
                id="dddp.accounts.W001",
            )
        ]
    width = getattr(get_user_model()._meta.get_field("password"), "max_length", None)
    if hashers._preferred().algorithm == "scrypt" and width and width <= LONGEST:
        return [
            Error(
                f"Hashes of digests by scrypt are longer than the {width} characters of the "
                f"user model's password.",
                hint="Put another hasher behind DigestPasswordHasher, or widen the column.",
                id="dddp.accounts.E001",
            )
        ]
    return []


@register(TAG)
def check_settings(**_: Any) -> list[CheckMessage]:
    """E002: a setting of the wrong kind; W002: one that does not exist."""
    found: list[CheckMessage] = []
    for name, default in DEFAULTS.items():
        wanted = _misfit(name, default, getattr(settings, PREFIX + name.upper(), default))
        if wanted:
            text = f"{PREFIX}{name.upper()} must be {wanted}."
            found.append(Error(text, hint="See docs/accounts.md.", id="dddp.accounts.E002"))
    known = {PREFIX + name.upper() for name in DEFAULTS}
    for name in dir(settings):
        if name.startswith(PREFIX) and name not in known:
            hint = f"The settings are {', '.join(sorted(known))}."
            text = f"There is no setting {name}."
            found.append(Warning(text, hint=hint, id="dddp.accounts.W002"))
    return found


@register(TAG)
def check_users(**_: Any) -> list[CheckMessage]:
    """E003: DDP_ACCOUNTS_USERS is no subclass of `Users`."""
    try:
        found = import_string(conf.users)
    except ImportError:
        found = None
    if isinstance(found, type) and issubclass(found, Users):
        return []
    text = f"DDP_ACCOUNTS_USERS names no subclass of dddp.accounts.users.Users: {conf.users!r}."
    return [Error(text, id="dddp.accounts.E003")]


def _misfit(name: str, default: Any, value: Any) -> str:
    """What a value should be, if it is not; "" if it is."""
    if name == "email_domain":
        fits = value is None or isinstance(value, str) or callable(value)
        return "" if fits else "a domain or a function"
    if default is None:
        return "" if value is None or isinstance(value, str) else "a string"
    if isinstance(default, bool):
        return "" if isinstance(value, bool) else "True or False"
    if isinstance(default, dict):
        return "" if isinstance(value, dict) else "a dict"
    if isinstance(default, str):
        return "" if isinstance(value, str) else "a string"
    number = isinstance(value, int | float) and not isinstance(value, bool) and value > 0
    return "" if number else "a positive number"
