"""Tokens: exchanged, revoked in every way, and never of use again; connections they close."""

import asyncio
import datetime as dt
import threading

import pytest
from django.contrib.auth import get_user_model
from django.contrib.auth.hashers import make_password
from django.db import DatabaseError, connection, transaction
from django.test import Client
from django.urls import reverse
from people import CLOSED, LOGGED_OUT, PASSWORD, by_name, digest, refusal, same

from dddp.accounts import logging_in, sweeping
from dddp.accounts.api import revoke_tokens
from dddp.accounts.models import LoginToken, MailToken
from dddp.api import MeteorError
from dddp.api.watching import watched_tables
from dddp.session.rights import Rights
from tools.inprocess import db

NOT_LOGGED_IN = {
    "isClientSafe": True,
    "error": "You are not logged in.",
    "message": "[You are not logged in.]",
    "errorType": "Meteor.Error",
}


async def login(client, password=PASSWORD):
    return (await client.call("login", by_name("ada", password)))["token"]


def until_somebody_waits():
    """Return when a transaction waits for the lock of another."""
    for _ in range(2000):
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_sleep(0.01), 1 FROM pg_locks WHERE NOT granted")
            if cursor.fetchone():
                return
            cursor.execute("SELECT pg_sleep(0.01)")
    raise AssertionError("Nobody waits")


class TestExchange:
    async def test_a_new_token_keeps_the_date(self, client, ada):
        first = await client.call("login", by_name("ada", PASSWORD))
        second = await client.call("getNewToken")
        assert set(second) == {"id", "token", "tokenExpires"}
        assert second["id"] == first["id"]
        assert second["tokenExpires"] == first["tokenExpires"]
        assert second["token"] != first["token"]

    async def test_log_out_other_clients(self, client, connect, ada):
        """As stock clients do: `getNewToken`, then `removeOtherTokens`."""
        first = await login(client)
        same_token, another = await connect(), await connect()
        await same_token.call("login", {"resume": first})
        await login(another)
        second = (await client.call("getNewToken"))["token"]
        assert await client.call("removeOtherTokens") is None
        assert await same_token.wait_closed() == CLOSED
        assert await another.wait_closed() == CLOSED
        again = await connect()
        assert same(await refusal(again, "login", {"resume": first}), LOGGED_OUT)
        await again.call("login", {"resume": second})
        await client.call("logout")

    @pytest.mark.parametrize("method", ["getNewToken", "removeOtherTokens"])
    async def test_of_nobody(self, client, method):
        assert (await refusal(client, method)).as_wire() == NOT_LOGGED_IN

    async def test_what_was_removed_from_meteor(self, client, ada):
        await login(client)
        assert (await refusal(client, "logoutOtherClients")).error == 404

    @pytest.mark.parametrize("changes", [{"password": "!"}, {"is_active": False}])
    async def test_not_of_one_that_is_useless(self, client, ada, changes, monkeypatch):
        """Written past the model: the connection is still there, but buys no time."""
        monkeypatch.setattr(Rights, "user_id", property(lambda self: self._user_id))
        await login(client)
        await db(lambda: get_user_model().objects.update(**changes))
        assert (await refusal(client, "getNewToken")).error == "Invalid login token"
        assert await db(LoginToken.objects.count) == 1

    @pytest.mark.parametrize("revoke", ["revoke_tokens", "save"])
    async def test_not_while_all_are_revoked(self, client, connect, ada, revoke):
        """Whoever asks for tokens all the time gets none that survives."""
        await login(client)
        locked, go_on = threading.Event(), threading.Event()

        def change():
            with transaction.atomic():
                if revoke == "save":
                    ada.set_password("another one, longer")
                    ada.save()
                else:
                    revoke_tokens(ada)
                locked.set()
                assert go_on.wait(20)

        revoking = asyncio.create_task(db(change))
        await asyncio.to_thread(locked.wait, 20)
        asking = asyncio.create_task(client.call("getNewToken"))
        await db(until_somebody_waits)
        go_on.set()
        await revoking
        assert await client.wait_closed() == CLOSED
        asking.cancel()
        await asyncio.gather(asking, return_exceptions=True)
        assert not await db(LoginToken.objects.exists)

    async def test_no_client_makes_too_many(self, client, ada, configure):
        configure(DDP_ACCOUNTS_MAX_TOKENS=3)
        for _ in range(5):
            last = await login(client)
        assert await db(LoginToken.objects.count) == 3
        await client.call("login", {"resume": last})


class TestRevoked:
    """Whatever makes a token useless closes its connections, and nobody resumes with it."""

    @pytest.fixture
    async def revoked(self, client, connect, ada):
        """Call something that revokes, and see that it does."""
        token = await login(client)

        async def revoke(function):
            await db(function)
            assert await client.wait_closed() == CLOSED
            again = await connect()
            assert same(await refusal(again, "login", {"resume": token}), LOGGED_OUT)
            assert not await db(LoginToken.objects.exists)

        return revoke

    async def test_by_the_function(self, revoked, ada):
        await revoked(lambda: revoke_tokens(ada))

    async def test_by_sql(self, revoked):
        def delete():
            with connection.cursor() as cursor:
                cursor.execute("DELETE FROM ddp_accounts_logintoken")

        await revoked(delete)

    async def test_by_a_new_password(self, revoked, ada):
        def change():
            ada.set_password("another one, longer")
            ada.save()

        await revoked(change)

    async def test_by_taking_the_password_away(self, revoked, ada):
        def change():
            ada.set_unusable_password()
            ada.save(update_fields=["password"])

        await revoked(change)

    async def test_by_another_hash(self, revoked, ada):
        """Not to be taken for the same password, stored anew by a login."""

        def change():
            ada.password = make_password("another one, longer")
            ada.save(update_fields=["password"])

        await revoked(change)

    async def test_by_deactivation(self, revoked, ada):
        def change():
            ada.is_active = False
            ada.save()

        await revoked(change)

    async def test_by_deleting_the_user(self, revoked, ada):
        await revoked(ada.delete)

    async def test_in_the_admin(self, revoked, ada):
        def by_hand():
            root = get_user_model().objects.create_superuser("root", password=PASSWORD)
            admin = Client()
            admin.force_login(root)
            token = LoginToken.objects.get()
            listed = admin.get(reverse("admin:ddp_accounts_logintoken_changelist") + "?q=ada")
            assert "ada" in listed.content.decode()
            assert token.hashed_token not in listed.content.decode()
            url = reverse("admin:ddp_accounts_logintoken_delete", args=[token.pk])
            assert admin.post(url, {"post": "yes"}).status_code == 302

        await revoked(by_hand)

    async def test_by_sweeping_what_has_expired(self, revoked):
        def expire():
            past = dt.datetime.now(dt.UTC) - dt.timedelta(seconds=1)
            LoginToken.objects.update(expires=past)
            sweeping.sweep()

        await revoked(expire)

    @pytest.mark.parametrize("changes", [{"password": "!"}, {"is_active": False}])
    async def test_by_sweeping_what_was_written_past_the_model(self, revoked, changes):
        def change():
            get_user_model().objects.update(**changes)
            assert sweeping.sweep() == 1

        await revoked(change)

    @pytest.mark.parametrize("changes", [{"password": "!"}, {"is_active": False}])
    async def test_at_once_for_who_comes_again(self, client, connect, ada, changes):
        token = await login(client)
        await db(lambda: get_user_model().objects.update(**changes))
        again = await connect()
        assert same(await refusal(again, "login", {"resume": token}), LOGGED_OUT)
        assert not await db(LoginToken.objects.exists)
        assert await client.wait_closed() == CLOSED


async def test_sweeping_goes_on_after_a_failure(db_project, monkeypatch, caplog):
    rounds, enough = [], threading.Event()

    def sweep():
        rounds.append(1)
        if len(rounds) == 1:
            raise DatabaseError("away")
        enough.set()

    monkeypatch.setattr(sweeping, "sweep", sweep)
    monkeypatch.setattr(sweeping, "SECONDS", 0.01)
    monkeypatch.setattr(sweeping, "_thread", None)
    monkeypatch.setattr(sweeping, "_ended", enough)
    for _ in range(2):
        sweeping.begin()
    thread = sweeping._thread
    await asyncio.to_thread(thread.join, 20)
    assert len(rounds) == 2
    assert "Tokens that have expired could not be deleted" in caplog.text


class TestKept:
    async def test_when_the_password_is_stored_anew(self, client, connect, ada, monkeypatch):
        """By a login with a form, say, after a login that needed no password."""
        find = get_user_model().objects.get
        handlers = {"badge": lambda options: find(username=options["badge"])}
        monkeypatch.setattr(logging_in, "_handlers", handlers)
        old = make_password(PASSWORD, hasher="md5")
        await db(lambda: get_user_model().objects.update(password=old))
        token = (await client.call("login", {"badge": "ada"}))["token"]
        assert await db(lambda: Client().login(username="ada", password=PASSWORD))
        await (await connect()).call("login", {"resume": token})
        await client.call("getNewToken")

    async def test_when_something_else_is_saved(self, client, ada):
        await login(client)

        def save():
            ada.refresh_from_db()
            ada.first_name = "Ada"
            ada.save()

        await db(save)
        assert await db(sweeping.sweep) == 0
        await client.wait_for(
            lambda: client.collections["users"][str(ada.pk)]["profile"]["first_name"] == "Ada"
        )
        await client.call("getNewToken")


class TestChangePassword:
    @pytest.mark.parametrize("old", [PASSWORD, digest(PASSWORD)])
    @pytest.mark.parametrize("new", ["another one, longer", digest("another one, longer")])
    async def test_logs_all_others_out(self, client, connect, ada, old, new):
        token, other = await login(client), await connect()
        lost = await login(other)
        assert await client.call("changePassword", old, new) == {"passwordChanged": True}
        assert await other.wait_closed() == CLOSED
        again = await connect()
        assert same(await refusal(again, "login", {"resume": lost}), LOGGED_OUT)
        await again.call("login", {"resume": token})
        await again.call("login", by_name("ada", "another one, longer"))
        await again.call("login", by_name("ada", digest("another one, longer")))
        assert (await refusal(again, "login", by_name("ada", PASSWORD))).error == 403
        assert await db(sweeping.sweep) == 0
        await client.call("logout")

    async def test_of_nobody(self, client):
        error = await refusal(client, "changePassword", "a", "b")
        assert same(error, MeteorError(401, "Must be logged in"))

    async def test_wrong(self, client, ada, configure):
        await login(client)
        error = await refusal(client, "changePassword", "wrong", "another one, longer")
        assert (error.error, error.reason[:20]) == (403, "Something went wrong")
        configure(DDP_ACCOUNTS_AMBIGUOUS_ERRORS=False)
        error = await refusal(client, "changePassword", "wrong", "another one, longer")
        assert same(error, MeteorError(403, "Incorrect password"))

    async def test_shapes(self, client, ada):
        await login(client)
        short = {"digest": "abc", "algorithm": "sha-256"}
        for params in [(None, "x"), (PASSWORD, None), (PASSWORD, ""), (PASSWORD, short)]:
            assert (await refusal(client, "changePassword", *params)).reason == "Match failed"

    async def test_makes_links_in_mails_useless(self, client, ada, sent):
        await login(client)
        await client.call("forgotPassword", {"email": "ada@example.org"})
        assert len(await sent()) == 1
        await client.call("changePassword", PASSWORD, "another one, longer")
        assert not await db(MailToken.objects.exists)


def test_notifications_have_no_secrets(db_project):
    """Whoever may connect to the database hears them."""
    (table,) = (each for each in watched_tables() if each.table == "ddp_accounts_logintoken")
    assert {"hashed_token", "password_fingerprint"} <= set(table.hidden)
