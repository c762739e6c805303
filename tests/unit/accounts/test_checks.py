"""What `manage.py check` says of accounts."""

import pytest
from django.test import override_settings

from dddp.accounts import checks
from dddp.checks import check_settings as check_settings_of_dddp

DJANGO = "django.contrib.auth.hashers."
OURS = "dddp.accounts.hashers.DigestPasswordHasher"


def ids(check, **settings):
    with override_settings(**settings):
        return [message.id for message in check()]


def test_the_project_is_right():
    for check in (checks.check_hashers, checks.check_settings, checks.check_users):
        assert ids(check) == []


def test_hashers():
    pbkdf2, scrypt = f"{DJANGO}PBKDF2PasswordHasher", f"{DJANGO}ScryptPasswordHasher"
    for listed, expected in {
        (pbkdf2, OURS): ["dddp.accounts.W001"],
        (OURS, scrypt): ["dddp.accounts.E001"],
        (OURS, pbkdf2, scrypt): [],
    }.items():
        assert ids(checks.check_hashers, PASSWORD_HASHERS=listed) == expected


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("SIGNUP", "yes"),
        ("TOKEN_DAYS", 0),
        ("TOKEN_DAYS", True),
        ("ROOT_URL", 5),
        ("EMAIL_DOMAIN", 5),
        ("LOGIN_SERVICES", []),
        ("USERS", None),
        ("FAILED_LOGINS", 5),
    ],
)
def test_settings_of_the_wrong_kind(name, value):
    settings = {f"DDP_ACCOUNTS_{name}": value}
    assert ids(checks.check_settings, **settings) == ["dddp.accounts.E002"]


def test_settings_that_do_not_exist():
    assert ids(checks.check_settings, DDP_ACCOUNTS_SIGNUPS=True) == ["dddp.accounts.W002"]
    assert ids(check_settings_of_dddp, DDP_ACCOUNTS_SIGNUPS=True) == []


@pytest.mark.parametrize("value", ["nowhere.Users", "dddp.api.Collection", "dddp.accounts.users"])
def test_users(value):
    assert ids(checks.check_users, DDP_ACCOUNTS_USERS=value) == ["dddp.accounts.E003"]
