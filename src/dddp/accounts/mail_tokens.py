"""What the link of a mail entitles to. Each token is used once."""

from __future__ import annotations

from typing import Any

from dddp.accounts import tokens
from dddp.accounts.lookup import email_of, is_active
from dddp.accounts.models import MailToken, hashed
from dddp.exceptions import MeteorError

Purpose = MailToken.Purpose


def user_of_reset(secret: str) -> Any:
    """The user who may set a new password, locked; the token is gone with the transaction.

    Raises MeteorError for a token that is unknown, used or expired.
    """
    return _redeem(
        secret,
        (Purpose.RESET, Purpose.ENROLL),
        MeteorError(403, "Token expired"),
        MeteorError(403, "Token has invalid email address"),
    )


def user_of_verification(secret: str) -> Any:
    """The same for the user whose address is verified."""
    return _redeem(
        secret,
        (Purpose.VERIFY,),
        MeteorError(403, "Verify email link expired"),
        MeteorError(403, "Verify email link is for unknown address"),
    )


def _redeem(
    secret: str, purposes: tuple[str, ...], useless: MeteorError, moved: MeteorError
) -> Any:
    rows = MailToken.objects.select_for_update(of=("self",)).select_related("user")
    token = rows.filter(hashed_token=hashed(secret), purpose__in=purposes).first()
    user = None if token is None else tokens.locked(token.user)
    if token is None or user is None or not is_active(user) or not token.fits(user):
        raise useless
    if token.address != email_of(user):
        raise moved
    token.delete()
    return user
