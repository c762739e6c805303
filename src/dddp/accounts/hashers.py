"""Passwords that Django's forms and Meteor's clients both can verify.

A Meteor client sends the SHA-256 of a password and never the password itself; Django stores a hash
of the password. So what is stored here is the preferred Django hash *of the SHA-256*: whoever has
the plain password hashes it first. The digest alone is of no use in a form, which hashes it again.
"""

from __future__ import annotations

import functools
import hashlib
import re
import secrets
from typing import Any

from django.contrib.auth.hashers import (
    BasePasswordHasher,
    PBKDF2PasswordHasher,
    get_hashers,
    get_hashers_by_algorithm,
)
from django.core.signals import setting_changed
from django.utils.module_loading import import_string
from django.utils.translation import gettext_noop

ALGORITHM = "sha256_digest"
DIGEST = re.compile(r"[0-9a-f]{64}\Z")
# What Meteor stores, whether or not PASSWORD_HASHERS has it.
IMPORTED = {
    "bcrypt": "django.contrib.auth.hashers.BCryptPasswordHasher",
    "argon2": "django.contrib.auth.hashers.Argon2PasswordHasher",
}


class Digest(str):
    """The SHA-256 of a password, passed where Django expects the password.

    As a text it is a random one: whatever does not know of digests (another hasher, a backend
    that asks LDAP) takes it for a wrong password, and cannot store or log it.

    Attributes:
        value: 64 hexadecimal digits in lower case.
    """

    value: str

    def __new__(cls, value: str) -> Digest:
        """Raises ValueError for what is no SHA-256."""
        if not DIGEST.match(value):
            raise ValueError("A SHA-256 is 64 hexadecimal digits in lower case.")
        self = super().__new__(cls, secrets.token_urlsafe(32))
        self.value = value
        return self

    @classmethod
    def of_nothing(cls) -> Digest:
        """One that fits no password."""
        return cls(secrets.token_hex(32))

    def __repr__(self) -> str:
        return "<Digest>"


def digest_of(password: str | bytes) -> str:
    """What a Meteor client sends for a password."""
    if isinstance(password, Digest):
        return password.value
    raw = password.encode() if isinstance(password, str) else password
    return hashlib.sha256(raw).hexdigest()


class DigestPasswordHasher(BasePasswordHasher):
    """The first in PASSWORD_HASHERS; those after it are the ones it stores digests with."""

    algorithm = ALGORITHM

    def salt(self) -> Any:
        return _preferred().salt()

    def encode(self, password: str | bytes, salt: Any) -> str:
        return f"{ALGORITHM}${_preferred().encode(digest_of(password), salt)}"

    def verify(self, password: str | bytes, encoded: str) -> bool:
        inner = _inner(encoded)
        return bool(_hasher_of(inner).verify(digest_of(password), inner))

    def decode(self, encoded: str) -> dict[str, Any]:
        inner = _inner(encoded)
        return {**_hasher_of(inner).decode(inner), "algorithm": ALGORITHM}

    def safe_summary(self, encoded: str) -> dict[Any, Any]:
        inner = _inner(encoded)
        return {gettext_noop("digest"): "sha256", **_hasher_of(inner).safe_summary(inner)}

    def must_update(self, encoded: str) -> bool:
        inner, preferred = _inner(encoded), _preferred()
        return _hasher_of(inner).algorithm != preferred.algorithm or preferred.must_update(inner)

    def harden_runtime(self, password: str | bytes, encoded: str) -> None:
        inner, preferred = _inner(encoded), _preferred()
        if _hasher_of(inner).algorithm == preferred.algorithm:
            preferred.harden_runtime(digest_of(password), inner)
        else:
            preferred.encode(digest_of(password), preferred.salt())


def from_meteor(stored: str) -> str:
    """What to store as a user's `password` for `services.password.bcrypt` or `.argon2`.

    The package `bcrypt` or `argon2-cffi` has to be installed, until all have logged in: each is
    then stored anew with the preferred hasher. Raises ValueError for anything else.
    """
    if re.match(r"\$2[aby]\$\d\d\$[./A-Za-z0-9]{53}\Z", stored):
        return f"{ALGORITHM}$bcrypt${stored}"
    if re.match(r"\$argon2id?\$v=\d+\$m=\d+,t=\d+,p=\d+\$[+/A-Za-z0-9]+\$[+/A-Za-z0-9]+\Z", stored):
        return f"{ALGORITHM}$argon2{stored}"
    raise ValueError("This is neither a bcrypt nor an argon2 hash as Meteor stores them.")


def is_preferred() -> bool:
    """Are new passwords stored by `DigestPasswordHasher`?"""
    return get_hashers()[0].algorithm == ALGORITHM


def _inner(encoded: str) -> str:
    return encoded.partition("$")[2]


@functools.lru_cache
def _preferred() -> BasePasswordHasher:
    others = [each for each in get_hashers() if each.algorithm != ALGORITHM]
    return others[0] if others else PBKDF2PasswordHasher()


def _hasher_of(inner: str) -> BasePasswordHasher:
    """Raises KeyError for an algorithm that is not there."""
    algorithm = inner.partition("$")[0]
    preferred = _preferred()
    if algorithm == preferred.algorithm:
        return preferred
    listed: dict[str, BasePasswordHasher] = get_hashers_by_algorithm()
    return listed[algorithm] if algorithm in listed else import_string(IMPORTED[algorithm])()


def _forget(*, setting: str, **_: Any) -> None:
    if setting == "PASSWORD_HASHERS":
        _preferred.cache_clear()


setting_changed.connect(_forget)
