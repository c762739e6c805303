"""The sample bookstore's settings as they are, but nobody is told that he tries too often."""

from myproject.settings import *  # noqa: F403, settings

DDP_RATE_LIMITS = []
DDP_ACCOUNTS_FAILED_LOGINS = {"account": 10**9, "address": 10**9}
DDP_ACCOUNTS_MAIL_SECONDS = 0.001
DDP_ACCOUNTS_ROOT_URL = "http://127.0.0.1/"
EMAIL_BACKEND = "django.core.mail.backends.dummy.EmailBackend"
