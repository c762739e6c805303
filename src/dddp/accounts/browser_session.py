"""Logins of browsers that have a session of Django already (`DDP_ACCOUNTS_SESSION_LOGIN`).

The cookie is sent by whichever page opens the connection, so only a page of this very host is
trusted. The session is read, and never written: no cookie could be sent back.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.contrib.auth import (
    BACKEND_SESSION_KEY,
    HASH_SESSION_KEY,
    SESSION_KEY,
    get_user_model,
    load_backend,
)
from django.core.exceptions import DisallowedHost, ValidationError
from django.db import router, transaction
from django.utils.crypto import constant_time_compare

from dddp.accounts import sweeping, tokens
from dddp.accounts.access import may_carry_credentials
from dddp.accounts.logging_in import require_allowed
from dddp.accounts.lookup import is_active
from dddp.accounts.models import LoginToken, fingerprint_of, hashed
from dddp.api import this


def log_in_by_session() -> None:
    """Log the caller in as the user of its session cookie, if it has one that is valid."""
    session: Any = getattr(this.request, "session", None)
    key = session and session.session_key
    if not key or not is_same_origin(this.request) or not may_carry_credentials():
        return
    user = user_of(session)
    if user is None:
        return
    require_allowed(user, "session")
    with transaction.atomic(using=router.db_for_write(LoginToken)):
        present = tokens.locked(user)
        if present is None or not is_active(present) or present.password != user.password:
            return
        values = {
            "user": present,
            "kind": LoginToken.Kind.SESSION,
            "password_fingerprint": fingerprint_of(present),
            "expires": session.get_expiry_date(),
            **tokens.client(),
        }
        token, _ = LoginToken.objects.update_or_create(hashed_token=hashed(key), defaults=values)
        tokens.use(present, token)
    sweeping.begin()


def is_same_origin(request: Any) -> bool:
    """Has a page of the host that is asked opened the connection?"""
    try:
        origin = urlsplit(request.headers.get("origin", ""))
        host = request.get_host()
    except (ValueError, DisallowedHost):
        return False
    scheme = "https" if request.is_secure() else "http"
    return (origin.scheme, origin.netloc.lower()) == (scheme, host.lower())


def user_of(session: Any) -> Any:
    """The user of a session, by the rules of `django.contrib.auth.get_user`; None for nobody."""
    path, text = session.get(BACKEND_SESSION_KEY), session.get(SESSION_KEY)
    if text is None or path not in settings.AUTHENTICATION_BACKENDS:
        return None
    try:
        pk = get_user_model()._meta.pk.to_python(text)
    except ValidationError:
        return None
    user = load_backend(path).get_user(pk)
    if user is None:
        return None
    known = session.get(HASH_SESSION_KEY) or ""
    hashes = [user.get_session_auth_hash(), *user.get_session_auth_fallback_hash()]
    return user if any(constant_time_compare(known, each) for each in hashes) else None
