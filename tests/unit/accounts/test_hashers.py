"""One stored hash for who types a password and for who sends its SHA-256."""

import hashlib

import argon2
import bcrypt
import pytest
from django.contrib.auth.hashers import (
    check_password,
    identify_hasher,
    make_password,
    verify_password,
)
from django.test import override_settings

from dddp.accounts.api import from_meteor
from dddp.accounts.hashers import Digest

PASSWORD = "correct horse bätterý"
DIGEST = hashlib.sha256(PASSWORD.encode()).hexdigest()
OURS = "dddp.accounts.hashers.DigestPasswordHasher"
PBKDF2 = "django.contrib.auth.hashers.PBKDF2PasswordHasher"
DJANGO = "django.contrib.auth.hashers."


def hashers(*names):
    return override_settings(PASSWORD_HASHERS=[OURS, *names])


@pytest.fixture(autouse=True)
def _cheap(monkeypatch):
    monkeypatch.setattr(f"{PBKDF2}.iterations", 1000)


@pytest.mark.parametrize(
    "inner",
    [
        PBKDF2,
        f"{DJANGO}MD5PasswordHasher",
        f"{DJANGO}Argon2PasswordHasher",
        f"{DJANGO}BCryptSHA256PasswordHasher",
        f"{DJANGO}ScryptPasswordHasher",
    ],
)
def test_both_forms_fit(inner):
    with hashers(inner):
        for stored in (make_password(PASSWORD), make_password(Digest(DIGEST))):
            assert stored.startswith("sha256_digest$")
            assert check_password(PASSWORD, stored)
            assert check_password(Digest(DIGEST), stored)
            assert not check_password(DIGEST, stored)
            assert not check_password("wrong", stored)
            assert not check_password(Digest("0" * 64), stored)
            assert verify_password(PASSWORD, stored) == (True, False)
            if "Scrypt" not in inner:
                assert len(stored) <= 128


def test_without_another_hasher_it_is_django_s_first():
    with hashers():
        assert make_password(PASSWORD).startswith("sha256_digest$pbkdf2_sha256$")


def test_stored_before():
    """A plain password fits, and is stored anew; a digest does not, until then."""
    with override_settings(PASSWORD_HASHERS=[PBKDF2]):
        old = make_password(PASSWORD)
    with hashers(PBKDF2):
        assert not check_password(Digest(DIGEST), old)
        stored = []
        assert check_password(PASSWORD, old, lambda given: stored.append(make_password(given)))
        assert check_password(Digest(DIGEST), stored[0])


@pytest.mark.parametrize("given", [PASSWORD, Digest(DIGEST)], ids=["plain", "digest"])
def test_stronger_ones_replace_weaker_ones(given, monkeypatch):
    with hashers(PBKDF2):
        old = make_password(PASSWORD)
        monkeypatch.setattr(f"{PBKDF2}.iterations", 2000)
        stored = []
        assert check_password(given, old, lambda given: stored.append(make_password(given)))
        assert "$2000$" in stored[0]
        assert check_password(PASSWORD, stored[0])
        assert check_password(Digest(DIGEST), stored[0])
    with hashers(f"{DJANGO}MD5PasswordHasher", PBKDF2):
        assert verify_password(given, stored[0]) == (True, True)


METEOR = {
    "bcrypt": lambda: bcrypt.hashpw(DIGEST.encode(), bcrypt.gensalt(4)).decode(),
    "argon2": lambda: argon2.PasswordHasher(1, 8, 1).hash(DIGEST),
}


@pytest.mark.parametrize("kind", METEOR)
def test_imported_from_meteor(kind):
    with hashers(PBKDF2):
        imported = from_meteor(METEOR[kind]())
        assert verify_password(PASSWORD, imported) == (True, True)
        assert verify_password(Digest(DIGEST), imported) == (True, True)
        assert not check_password(DIGEST, imported)
        assert verify_password("wrong", imported) == (False, True)
        summary = identify_hasher(imported).safe_summary(imported)
        assert DIGEST not in str(summary)


@pytest.mark.parametrize("stored", ["", "!", "abc", "$2b$10$short", "md5$a$b", "$argon2id$x"])
def test_nothing_else_is_imported(stored):
    with pytest.raises(ValueError, match="neither a bcrypt nor an argon2 hash"):
        from_meteor(stored)


def test_a_digest_shows_nothing():
    digest = Digest(DIGEST)
    assert DIGEST not in f"{digest} {digest!r} {digest.upper()}"
    assert digest != Digest(DIGEST)


@pytest.mark.parametrize("value", ["", "a" * 63, "A" * 64, "g" * 64, "a" * 64 + "\n"])
def test_what_is_no_digest(value):
    with pytest.raises(ValueError, match="64 hexadecimal digits"):
        Digest(value)


def test_django_knows_what_it_is():
    with hashers(PBKDF2):
        stored = make_password(PASSWORD)
        hasher = identify_hasher(stored)
        assert hasher.decode(stored)["iterations"] == 1000
        assert hasher.safe_summary(stored)["iterations"] == 1000
