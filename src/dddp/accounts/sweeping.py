"""Deletes tokens that are of no use any more, every ten minutes, in each server process.

That closes the connections that were logged in with them (Meteor 3, `_expireTokens`).
"""

from __future__ import annotations

import logging
import threading

from django.db import DatabaseError, connections, router
from django.db.models import CharField, F, Func, Q
from django.utils import timezone

from dddp.accounts.lookup import has_field
from dddp.accounts.models import LoginToken, MailToken

logger = logging.getLogger("dddp.accounts")

SECONDS = 600.0

_lock = threading.Lock()
_thread: threading.Thread | None = None
_ended = threading.Event()
"""Never set; tests end the thread with it."""


class Fingerprint(Func):
    """`models.fingerprint_of` as PostgreSQL computes it."""

    template = "encode(sha256(convert_to(%(expressions)s, 'UTF8')), 'hex')"
    output_field = CharField()


def begin() -> None:
    """Start sweeping in this process, once: from the first login on."""
    global _thread
    with _lock:
        if _thread is None:
            _thread = threading.Thread(target=_run, name="dddp-accounts-sweep", daemon=True)
            _thread.start()


def sweep() -> int:
    """Delete tokens that have expired, of inactive users, or made with another password.

    Returns how many.
    """
    useless = Q(expires__lte=timezone.now())
    useless |= ~Q(password_fingerprint=Fingerprint(F("user__password")))
    if has_field("is_active"):
        useless |= Q(user__is_active=False)
    return sum(model.objects.filter(useless).delete()[0] for model in (LoginToken, MailToken))


def _run() -> None:
    ended = _ended
    while not ended.wait(SECONDS):
        try:
            sweep()
        except DatabaseError:
            logger.exception("Tokens that have expired could not be deleted")
        finally:
            connections[router.db_for_write(LoginToken)].close()
