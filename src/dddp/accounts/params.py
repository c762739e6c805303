"""What clients send: checked for its shape before anything is done with it."""

from __future__ import annotations

from typing import Any

from dddp.accounts.errors import match_failed
from dddp.accounts.hashers import DIGEST, Digest

MAX_NAME = 254
MAX_PASSWORD = 4096
SELECTORS = ("username", "email", "id")


def text(value: Any, longest: int = MAX_NAME) -> str:
    """A string that is neither empty nor longer, and that PostgreSQL can hold."""
    if not isinstance(value, str) or not 0 < len(value) <= longest or "\0" in value:
        raise match_failed()
    try:
        value.encode()
    except UnicodeEncodeError:  # half of a surrogate pair
        raise match_failed() from None
    return value


def options(value: Any, known: tuple[str, ...]) -> dict[str, Any]:
    """An object that has no other keys than these."""
    if not isinstance(value, dict) or not set(value) <= set(known):
        raise match_failed()
    return value


def selector(value: Any) -> tuple[str, str]:
    """`{"username": name}`, `{"email": address}` or `{"id": id}`: which, and the value."""
    if not isinstance(value, dict) or len(value) != 1:
        raise match_failed()
    ((key, wanted),) = value.items()
    if key not in SELECTORS:
        raise match_failed()
    return key, text(wanted)


def password(value: Any) -> str:
    """A password that somebody claims to have: plain, or `{digest, algorithm}` as a `Digest`.

    What looks like a digest and is none becomes one that fits no password.
    """
    if isinstance(value, str):
        return text(value, MAX_PASSWORD)
    digest = _digest(value)
    return Digest(digest) if DIGEST.match(digest) else Digest.of_nothing()


def new_password(value: Any) -> str:
    """The same for one that shall be stored."""
    if isinstance(value, str):
        return text(value, MAX_PASSWORD)
    try:
        return Digest(_digest(value))
    except ValueError:
        raise match_failed() from None


def _digest(value: Any) -> str:
    given = options(value, ("digest", "algorithm"))
    if given.get("algorithm") != "sha-256":
        raise match_failed()
    return text(given.get("digest"))
