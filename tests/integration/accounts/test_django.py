"""The same users in Django's forms and in clients; what Django's own parts see of logins."""

import threading

import pytest
from django.contrib.auth import get_user_model, signals
from django.contrib.auth.backends import ModelBackend
from django.contrib.auth.hashers import make_password
from django.core.exceptions import PermissionDenied
from django.core.management import call_command
from django.db import connections
from django.test import Client
from django.urls import reverse
from people import CHECK, PASSWORD, by_name, digest, refusal, same

from dddp.accounts import tokens
from tools.inprocess import db

PASSWORD_FIELDS = {"password1": PASSWORD, "password2": PASSWORD}


def users():
    return get_user_model().objects


def admin_login(name, password):
    """Does the admin's form let somebody in?"""
    url = reverse("admin:login")
    answer = Client().post(url, {"username": name, "password": password, "next": "/admin/"})
    return answer.status_code == 302


async def test_made_in_the_admin(hub, client):
    def make():
        admin = Client()
        admin.force_login(users().create_superuser("root", password="root"))
        fields = {"username": "eve", "usable_password": "true", **PASSWORD_FIELDS}
        assert admin.post(reverse("admin:auth_user_add"), fields).status_code == 302

    await db(make)
    for password in (PASSWORD, digest(PASSWORD)):
        await client.call("login", by_name("eve", password))


async def test_made_before_there_were_digests(client, ada):
    """Plain passwords do at once; digests, once the password was stored anew."""
    before = make_password(PASSWORD, hasher="md5")
    await db(lambda: users().update(password=before))
    error = await refusal(client, "login", by_name("ada", digest(PASSWORD)))
    assert (error.reason, error.details) == (CHECK.reason, {"plainPassword": True})
    await client.call("login", by_name("ada", PASSWORD))
    await client.call("login", by_name("ada", digest(PASSWORD)))


async def test_a_form_stores_anew_too(client, ada, configure):
    configure(DDP_ACCOUNTS_AMBIGUOUS_ERRORS=False)
    before = make_password(PASSWORD, hasher="md5")
    await db(lambda: users().update(password=before, is_staff=True))
    error = await refusal(client, "login", by_name("ada", digest(PASSWORD)))
    assert error.reason.startswith("This user's password is not known as a digest yet")
    assert await db(admin_login, "ada", PASSWORD)
    await client.call("login", by_name("ada", digest(PASSWORD)))


async def test_signed_up_by_a_client(client):
    await client.call("createUser", {"username": "eve", "password": digest(PASSWORD)})
    await db(lambda: users().update(is_staff=True))
    assert await db(admin_login, "eve", PASSWORD)
    assert not await db(admin_login, "eve", digest(PASSWORD)["digest"])


@pytest.fixture
def heard():
    """Django's signals of logins: name, user or name given, path of the request."""
    heard = []

    def logged_in(sender, request, user, **kwargs):
        heard.append(("in", user.username, request.path))

    def failed(sender, credentials, request, **kwargs):
        heard.append(("failed", credentials["username"], request.path))
        assert "horse" not in str(credentials)

    def logged_out(sender, request, user, **kwargs):
        heard.append(("out", user.username, request.path))

    signals.user_logged_in.connect(logged_in)
    signals.user_login_failed.connect(failed)
    signals.user_logged_out.connect(logged_out)
    yield heard
    signals.user_logged_in.disconnect(logged_in)
    signals.user_login_failed.disconnect(failed)
    signals.user_logged_out.disconnect(logged_out)


async def test_signals(client, ada, heard):
    token = (await client.call("login", by_name("ada", PASSWORD)))["token"]
    await refusal(client, "login", by_name("bob", PASSWORD + "!"))
    await client.call("login", {"resume": token})  # no login of its own
    await client.call("logout")
    await client.call("logout")
    path = "/websocket"
    assert heard == [("in", "ada", path), ("failed", "bob", path), ("out", "ada", path)]


class Closed(ModelBackend):
    def authenticate(self, request, **credentials):
        assert request.headers["user-agent"] == "tests"
        raise PermissionDenied


async def test_backends_may_refuse(client, ada, configure):
    backends = [f"{__name__}.Closed", "django.contrib.auth.backends.ModelBackend"]
    configure(AUTHENTICATION_BACKENDS=backends)
    assert same(await refusal(client, "login", by_name("ada", PASSWORD)), CHECK)


class TestMeanwhile:
    """Between the check of a password and the login, somebody else is quicker."""

    @pytest.fixture
    def meanwhile(self, monkeypatch):
        """Commit something once, before the user's row is locked."""
        locked, waiting = tokens.locked, []

        def late(user):
            if waiting:
                thread = threading.Thread(target=commit, args=[waiting.pop()])
                thread.start()
                thread.join()
            return locked(user)

        def commit(function):
            function()
            connections.close_all()

        monkeypatch.setattr(tokens, "locked", late)
        return waiting.append

    async def test_it_is_stored_anew(self, client, ada, meanwhile):
        meanwhile(lambda: users().update(password=make_password(PASSWORD)))
        await client.call("login", by_name("ada", PASSWORD))

    async def test_it_is_changed(self, client, ada, meanwhile):
        meanwhile(lambda: users().update(password=make_password("another one")))
        assert same(await refusal(client, "login", by_name("ada", PASSWORD)), CHECK)

    async def test_the_user_is_deactivated(self, client, ada, meanwhile):
        meanwhile(lambda: users().update(is_active=False))
        assert same(await refusal(client, "login", by_name("ada", PASSWORD)), CHECK)

    async def test_the_user_is_deleted(self, client, ada, meanwhile):
        meanwhile(lambda: users().all().delete())
        assert same(await refusal(client, "login", by_name("ada", PASSWORD)), CHECK)


async def test_names_are_normalized_as_in_forms(client):
    await client.call("createUser", {"username": "ⅷ", "password": PASSWORD})
    assert await db(lambda: users().get().username) == "viii"
    await client.call("login", by_name("ⅷ", PASSWORD))
    await client.call("login", by_name("viii", PASSWORD))


def test_migrations_are_those_of_the_models(db_project):
    call_command("makemigrations", "ddp_accounts", check=True, dry_run=True, verbosity=0)
