"""What Django tells of users: changed passwords, deactivation, logouts of browsers."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from django.contrib.auth import get_user_model
from django.contrib.auth.signals import user_logged_out
from django.db.models.signals import post_save
from django.dispatch import receiver

from dddp.accounts.lookup import is_active
from dddp.accounts.models import LoginToken, MailToken, fingerprint_of, hashed

DECISIVE = {"password", "is_active"}


@receiver(post_save)
def drop_useless_tokens(
    sender: Any,
    instance: Any,
    created: bool,
    update_fields: Collection[str] | None,
    raw: bool = False,
    **_: Any,
) -> None:
    """Of a user who got another password or was deactivated.

    What is written past `save()` makes tokens useless too; `sweeping` deletes them.
    """
    if not isinstance(instance, get_user_model()) or created or raw:
        return
    if update_fields is not None and DECISIVE.isdisjoint(update_fields):
        return
    useless = {"user": instance.pk}
    for tokens in (LoginToken.objects.filter(**useless), MailToken.objects.filter(**useless)):
        if not is_active(instance):
            tokens.delete()
        elif _is_upgrade(instance, update_fields):
            tokens.update(password_fingerprint=fingerprint_of(instance))
        else:
            tokens.exclude(password_fingerprint=fingerprint_of(instance)).delete()


def _is_upgrade(user: Any, update_fields: Collection[str] | None) -> bool:
    """Has Django stored the same password with another hasher?

    It does so with `update_fields`, having taken back what `set_password()` has noted.
    """
    return (
        update_fields is not None
        and set(update_fields) == {"password"}
        and vars(user).get("_password", user) is None
        and user.has_usable_password()
    )


@receiver(user_logged_out)
def drop_session(sender: Any, request: Any, **_: Any) -> None:
    """Close connections that a browser's session has logged in."""
    key = getattr(getattr(request, "session", None), "session_key", None)
    if key:
        kind = LoginToken.Kind.SESSION
        LoginToken.objects.filter(hashed_token=hashed(key), kind=kind).delete()
