"""What projects use of accounts.

from dddp.accounts.api import login_handler, validate_login, send_enrollment_email
"""

from dddp.accounts.creating import validate_new_user
from dddp.accounts.hashers import from_meteor
from dddp.accounts.logging_in import LoginAttempt, log_in, login_handler, validate_login
from dddp.accounts.mail import (
    send_enrollment_email,
    send_reset_password_email,
    send_verification_email,
)
from dddp.accounts.tokens import drop as revoke_tokens

__all__ = [
    "LoginAttempt",
    "from_meteor",
    "log_in",
    "login_handler",
    "revoke_tokens",
    "send_enrollment_email",
    "send_reset_password_email",
    "send_verification_email",
    "validate_login",
    "validate_new_user",
]
