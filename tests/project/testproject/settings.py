"""The bookstore, the zoo and what tests of the protocol call, with what is in the environment.

DATABASE_* name the database; each DDP_* is a setting of this package, as JSON.
"""

import json
import os

from myproject.settings import *  # noqa: F403, settings

INSTALLED_APPS += ["dddp.meteor", "zoo", "wild", "wire", "club", "desk"]  # noqa: F405, its
ROOT_URLCONF = "testproject.urls"
PASSWORD_HASHERS = [
    "dddp.accounts.hashers.DigestPasswordHasher",
    "django.contrib.auth.hashers.MD5PasswordHasher",
]
# As they are by default.
AUTH_PASSWORD_VALIDATORS = []
DDP_ACCOUNTS_SIGNUP = False
DDP_ACCOUNTS_NEW_PASSWORDS_AS_DIGEST = True

globals().update(
    {name: json.loads(value) for name, value in os.environ.items() if name.startswith("DDP_")}
)
