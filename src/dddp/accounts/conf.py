"""The settings of this app, each a `DDP_ACCOUNTS_*` name with a safe default."""

from __future__ import annotations

from typing import Any

from django.conf import settings

PREFIX = "DDP_ACCOUNTS_"

DEFAULTS: dict[str, Any] = {
    "ambiguous_errors": True,
    "ask_for_plain_password": True,
    "case_insensitive": True,
    "email_domain": None,
    "enroll_days": 30.0,
    "failed_logins": {"account": 20, "address": 200, "seconds": 600},
    "links": {
        "reset": "{root}/#/reset-password/{token}",
        "verify": "{root}/#/verify-email/{token}",
        "enroll": "{root}/#/enroll-account/{token}",
    },
    "login_services": {},
    "mail_seconds": 60.0,
    "max_tokens": 100,
    "new_passwords_as_digest": True,
    "profile_edits": False,
    "require_tls": True,
    "reset_days": 3.0,
    "root_url": None,
    "send_verification": False,
    "session_login": False,
    "signup": False,
    "token_days": 90.0,
    "users": "dddp.accounts.users.Users",
    "verify_days": 3.0,
}


class Conf:
    """`conf.signup` is `settings.DDP_ACCOUNTS_SIGNUP` or the default above, read at each use."""

    def __getattr__(self, name: str) -> Any:
        try:
            default = DEFAULTS[name]
        except KeyError:
            raise AttributeError(name) from None
        given = getattr(settings, PREFIX + name.upper(), default)
        return {**default, **given} if isinstance(default, dict) else given


conf = Conf()
