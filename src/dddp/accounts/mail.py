"""Mails with links: to set a new password, to verify an address, to set a first password."""

from __future__ import annotations

import datetime as dt
from typing import Any

from django.contrib.auth import get_user_model
from django.core.mail import EmailMultiAlternatives
from django.db import transaction
from django.template import TemplateDoesNotExist
from django.template.loader import render_to_string
from django.utils import timezone

from dddp.accounts import background
from dddp.accounts.conf import conf
from dddp.accounts.errors import refused
from dddp.accounts.lookup import email_of, find_user, is_active
from dddp.accounts.models import MailToken, VerifiedEmail, days, fingerprint_of, hashed, new_secret
from dddp.accounts.signals import mail_sending
from dddp.exceptions import ConfigurationError

Purpose = MailToken.Purpose


def send_reset_password_email(user: Any) -> None:
    """Send a link with which the user can set a new password.

    Once the running transaction is committed; the same is true of the others. Raises MeteorError
    for a user without an address, and ConfigurationError without DDP_ACCOUNTS_ROOT_URL.
    """
    _send(user, Purpose.RESET, conf.reset_days)


def send_enrollment_email(user: Any) -> None:
    """Send a link with which a new user can set a first password."""
    _send(user, Purpose.ENROLL, conf.enroll_days)


def send_verification_email(user: Any) -> None:
    """Send a link that shows that the address is the user's."""
    if is_verified(user):
        raise refused("That user has no unverified email addresses.")
    _send(user, Purpose.VERIFY, conf.verify_days)


def is_verified(user: Any) -> bool:
    """Has the user shown that the present address is his?"""
    return VerifiedEmail.objects.filter(user=user, address=email_of(user)).exists()


def verify(user: Any) -> None:
    """The user has shown that the present address is his."""
    VerifiedEmail.objects.get_or_create(user=user, address=email_of(user))


def forgotten(address: str) -> None:
    """Somebody has forgotten the password of the user with this address, if there is one.

    As Django's PasswordResetForm: only active users who have a password get a mail, at the address
    that they have; and not one after the other.
    """
    user = find_user("email", address)
    if user is None or not is_active(user) or not user.has_usable_password():
        return
    recent = timezone.now() - dt.timedelta(seconds=conf.mail_seconds)
    if not MailToken.objects.filter(user=user, purpose=Purpose.RESET, created__gt=recent).exists():
        send_reset_password_email(user)


def _send(user: Any, purpose: str, lifetime: float) -> None:
    address = email_of(user)
    if not address:
        raise refused("No such email for user.")
    if not conf.root_url:
        raise ConfigurationError(
            "Set DDP_ACCOUNTS_ROOT_URL to the site's address, such as 'https://example.org': "
            "links in mails are made of it."
        )
    secret = new_secret()
    values = {
        "hashed_token": hashed(secret),
        "password_fingerprint": fingerprint_of(user),
        "address": address,
        "created": timezone.now(),
        "expires": days(lifetime),
    }
    MailToken.objects.update_or_create(user=user, purpose=purpose, defaults=values)
    root = str(conf.root_url).rstrip("/")
    link = conf.links[str(purpose)].format(root=root, token=secret)
    transaction.on_commit(
        lambda: background.submit(_deliver, user, str(purpose), address, link, secret)
    )


def _deliver(user: Any, purpose: str, address: str, link: str, token: str) -> None:
    message = _message(user, purpose, address, link)
    responses: list[tuple[Any, Any]] = mail_sending.send(
        sender=get_user_model(),
        user=user,
        purpose=purpose,
        address=address,
        link=link,
        token=token,
        message=message,
    )
    if all(response is not False for _, response in responses):
        message.send()


def _message(user: Any, purpose: str, address: str, link: str) -> EmailMultiAlternatives:
    context = {"user": user, "link": link, "address": address, "root": conf.root_url}
    template = f"dddp/accounts/{purpose}"
    subject = " ".join(render_to_string(f"{template}_subject.txt", context).split())
    message = EmailMultiAlternatives(
        subject, render_to_string(f"{template}_body.txt", context), to=[address]
    )
    try:
        html = render_to_string(f"{template}_body.html", context)
    except TemplateDoesNotExist:
        return message
    message.attach_alternative(html, "text/html")
    return message
