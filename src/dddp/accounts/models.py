"""Login tokens, tokens sent by mail, and addresses that were verified. No secret is stored."""

from __future__ import annotations

import base64
import datetime as dt
import hashlib
import secrets
from typing import Any

from django.conf import settings
from django.db import models
from django.utils import timezone


def new_secret() -> str:
    """A token: 43 characters of `[a-zA-Z0-9_-]`, 256 bits, from the system's generator."""
    return secrets.token_urlsafe(32)


def hashed(token: str) -> str:
    """How Meteor 3 stores a token: Base64 of its SHA-256."""
    return base64.b64encode(hashlib.sha256(token.encode()).digest()).decode()


def fingerprint_of(user: Any) -> str:
    """Changes with the stored password, however that is written; tells nothing of it."""
    return hashlib.sha256(user.password.encode()).hexdigest()


class Token(models.Model):
    """A secret somebody else has: hashed, and of use while it has not expired and the user's
    password is the one it was made with."""

    user: models.ForeignKey[Any, Any] = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.CASCADE, related_name="+"
    )
    user_id: Any
    hashed_token: models.CharField[Any, Any] = models.CharField(
        max_length=44, unique=True, editable=False
    )
    password_fingerprint: models.CharField[Any, Any] = models.CharField(
        max_length=64, editable=False
    )
    created: models.DateTimeField[Any, Any] = models.DateTimeField(
        default=timezone.now, editable=False
    )
    expires: models.DateTimeField[Any, Any] = models.DateTimeField(db_index=True)

    class Meta:
        abstract = True

    def fits(self, user: Any) -> bool:
        """Not expired, and made with the user's present password."""
        return self.expires > timezone.now() and secrets.compare_digest(
            self.password_fingerprint, fingerprint_of(user)
        )


class LoginToken(Token):
    """What a client resumes its login with; deleting it closes the connections that use it."""

    class Kind(models.TextChoices):
        RESUME = "resume", "Login token"
        SESSION = "session", "Session of a browser"

    kind: models.CharField[Any, Any] = models.CharField(
        max_length=16, choices=Kind, default=Kind.RESUME, editable=False
    )
    last_used: models.DateTimeField[Any, Any] = models.DateTimeField(
        default=timezone.now, editable=False
    )
    address: models.GenericIPAddressField[Any, Any] = models.GenericIPAddressField(
        null=True, blank=True, editable=False
    )
    user_agent: models.CharField[Any, Any] = models.CharField(
        max_length=200, blank=True, editable=False
    )

    class Meta:
        verbose_name = "login token"
        ordering = ["-last_used"]

    def __str__(self) -> str:
        return f"{self.user} since {self.created:%Y-%m-%d %H:%M}"

    def alive(self) -> models.QuerySet[LoginToken]:
        """For `set_user_id(while_exists=...)`."""
        return LoginToken.objects.filter(pk=self.pk).only("pk")


class MailToken(Token):
    """What a link in a mail has; used once. The newest of each purpose is the only one."""

    class Purpose(models.TextChoices):
        RESET = "reset", "Set a new password"
        ENROLL = "enroll", "Set a first password"
        VERIFY = "verify", "Verify an e-mail address"

    purpose: models.CharField[Any, Any] = models.CharField(
        max_length=16, choices=Purpose, editable=False
    )
    address: models.EmailField[Any, Any] = models.EmailField(max_length=254, editable=False)

    class Meta:
        verbose_name = "mail token"
        ordering = ["-created"]
        constraints = [
            models.UniqueConstraint(fields=["user", "purpose"], name="ddp_accounts_one_mail_token")
        ]

    def __str__(self) -> str:
        return f"{self.Purpose(self.purpose).label}: {self.user}"


class VerifiedEmail(models.Model):
    """An address that a user has shown to be his; it counts while it is the user's."""

    user: models.ForeignKey[Any, Any] = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.CASCADE, related_name="ddp_verified_emails"
    )
    address: models.EmailField[Any, Any] = models.EmailField(max_length=254)
    verified: models.DateTimeField[Any, Any] = models.DateTimeField(default=timezone.now)

    class Meta:
        verbose_name = "verified e-mail address"
        constraints = [
            models.UniqueConstraint(fields=["user", "address"], name="ddp_accounts_verified_once")
        ]

    def __str__(self) -> str:
        return str(self.address)


def days(number: float) -> dt.datetime:
    """The moment so many days from now."""
    return timezone.now() + dt.timedelta(days=number)
