"""`login` with passwords and tokens, `logout`: results, order and errors of Meteor 3."""

import datetime as dt
import re

import pytest
from django.contrib.auth import get_user_model
from people import (
    CHECK,
    CLOSED,
    LOGGED_OUT,
    MATCH_FAILED,
    PASSWORD,
    by_name,
    digest,
    refusal,
    same,
)

from dddp.accounts.api import login_handler, validate_login
from dddp.accounts.models import LoginToken, hashed
from dddp.api import MeteorError
from dddp.session.hub import Hub
from tools.inprocess import db, sql
from tools.talking import Talk, method, names, sub

PLAIN = {"plainPassword": True}


class TestPassword:
    @pytest.mark.parametrize("password", [PASSWORD, digest(PASSWORD)])
    async def test_result(self, client, ada, password):
        before = dt.datetime.now(dt.UTC)
        result = await client.call("login", by_name("ada", password))
        assert result["id"] == str(ada.pk)
        assert result["type"] == "password"
        assert re.fullmatch(r"[a-zA-Z0-9_-]{43}", result["token"])
        lifetime = result["tokenExpires"] - before
        assert dt.timedelta(days=90) <= lifetime < dt.timedelta(days=90, minutes=1)
        assert set(result) == {"id", "token", "tokenExpires", "type"}

    @pytest.mark.parametrize(
        "user",
        [
            {"username": "ada"},
            {"username": "ADA"},
            {"email": "ada@example.org"},
            {"email": "Ada@Example.org"},
        ],
    )
    async def test_selectors(self, client, ada, user):
        result = await client.call("login", {"user": user, "password": PASSWORD})
        assert result["id"] == str(ada.pk)

    async def test_by_id(self, client, ada):
        options = {"user": {"id": str(ada.pk)}, "password": digest(PASSWORD)}
        assert (await client.call("login", options))["id"] == str(ada.pk)

    async def test_exact_names_come_first(self, client, ada):
        other = await db(lambda: get_user_model().objects.create_user("ADA", password="x"))
        assert (await client.call("login", by_name("ada", PASSWORD)))["id"] == str(ada.pk)
        assert (await client.call("login", by_name("ADA", "x")))["id"] == str(other.pk)
        assert same(await refusal(client, "login", by_name("Ada", PASSWORD)), CHECK)

    async def test_an_address_of_two_users_is_nobodys(self, client, ada):
        await db(lambda: get_user_model().objects.create_user("eve", "ada@example.org", "x"))
        for password in (PASSWORD, "x"):
            options = {"user": {"email": "ada@example.org"}, "password": password}
            assert same(await refusal(client, "login", options), CHECK)

    async def test_order(self, talk, ada):
        await talk.say(sub("s", "meteor.loginServiceConfiguration"))
        heard = await talk.say(method("1", "login", by_name("ada", digest(PASSWORD))))
        assert names(heard) == ["added", "ready", "updated", "result"]
        added, _, _, result = heard
        assert (added["collection"], added["id"]) == ("users", result["result"]["id"])

    async def test_a_second_code_is_no_error(self, client, ada):
        options = {**by_name("ada", PASSWORD), "code": "123456"}
        assert (await client.call("login", options))["id"] == str(ada.pk)

    async def test_last_login_is_noted(self, client, ada):
        await client.call("login", by_name("ada", PASSWORD))
        await db(ada.refresh_from_db)
        assert ada.last_login is not None


MISSHAPEN = [
    None,
    5,
    "x",
    [],
    {"user": {"username": "ada"}, "password": PASSWORD, "more": 1},
    {"user": {"username": "ada"}, "password": PASSWORD, "code": 5},
    {"user": "ada", "password": PASSWORD},
    {"user": {}, "password": PASSWORD},
    {"password": PASSWORD},
    {"user": {"username": "ada", "id": "1"}, "password": PASSWORD},
    {"user": {"username": ""}, "password": PASSWORD},
    {"user": {"username": 5}, "password": PASSWORD},
    {"user": {"username": ["ada"]}, "password": PASSWORD},
    {"user": {"username": {"$ne": ""}}, "password": PASSWORD},
    {"user": {"username__startswith": "a"}, "password": PASSWORD},
    {"user": {"is_superuser": True}, "password": PASSWORD},
    {"user": {"__class__": "x"}, "password": PASSWORD},
    {"user": {"pk": "1"}, "password": PASSWORD},
    {"user": {"username": "a\0"}, "password": PASSWORD},
    {"user": {"username": "a" * 100_000}, "password": PASSWORD},
    {"user": {"username": "ada"}, "password": "x" * 100_000},
    {"user": {"username": "ada"}, "password": 5},
    {"user": {"username": "ada"}, "password": [PASSWORD]},
    {"user": {"username": "ada"}, "password": {"digest": "x"}},
    {"user": {"username": "ada"}, "password": {"digest": 5, "algorithm": "sha-256"}},
    {"user": {"username": "ada"}, "password": {**digest(PASSWORD), "algorithm": "md5"}},
    {"user": {"username": "ada"}, "password": {**digest(PASSWORD), "more": 1}},
    {"resume": 5},
    {"resume": {"$ne": None}},
]


class TestErrors:
    async def test_shapes(self, client, ada):
        for options in MISSHAPEN:
            assert same(await refusal(client, "login", options), MATCH_FAILED), options

    @pytest.mark.parametrize("params", [(), ({}, {})])
    async def test_number_of_parameters(self, client, params):
        assert (await refusal(client, "login", *params)).reason == "Match failed"

    @pytest.mark.parametrize(
        "options",
        [
            {},
            {"password": ""},
            {"user": {"username": "ada"}, "password": None},
            {"resume": ""},
            {"resume": None},
            {"toString": 1},
        ],
    )
    async def test_nobody_takes_it(self, client, ada, options):
        expected = MeteorError(400, "Unrecognized options for login request")
        assert same(await refusal(client, "login", options), expected)

    @pytest.mark.parametrize(
        ("user", "password"),
        [
            ({"username": "ada"}, "wrong"),
            ({"username": "bob"}, "wrong"),
            ({"email": "bob@example.org"}, "wrong"),
            ({"id": "123456789"}, "wrong"),
            ({"id": "9" * 100}, "wrong"),
            ({"id": "x"}, "wrong"),
            # The digest is not the password, in neither form.
            ({"username": "ada"}, digest(PASSWORD)["digest"]),
            # An address is no name, and a name no address.
            ({"username": "ada@example.org"}, PASSWORD),
            ({"email": "ada"}, PASSWORD),
        ],
    )
    async def test_say_no_more_than_needed(self, client, ada, user, password):
        error = await refusal(client, "login", {"user": user, "password": password})
        assert same(error, CHECK)

    @pytest.mark.parametrize("name", ["ada", "bob", "old"])
    @pytest.mark.parametrize("sent", [digest("wrong"), {"digest": "ab", "algorithm": "sha-256"}])
    async def test_digests_are_answered_alike(self, client, ada, name, sent):
        await db(lambda: get_user_model().objects.create_user("old", password=None))
        error = await refusal(client, "login", by_name(name, sent))
        assert same(error, MeteorError(CHECK.error, CHECK.reason, PLAIN))

    async def test_the_plain_password_is_not_asked_for(self, client, ada, configure):
        configure(DDP_ACCOUNTS_ASK_FOR_PLAIN_PASSWORD=False)
        assert same(await refusal(client, "login", by_name("ada", digest("wrong"))), CHECK)

    @pytest.mark.parametrize(
        ("name", "reason"),
        [
            ("bob", "User not found"),
            ("ada", "Incorrect password"),
            ("none", "User has no password set"),
        ],
    )
    async def test_say_more_if_wanted(self, client, ada, configure, name, reason):
        configure(DDP_ACCOUNTS_AMBIGUOUS_ERRORS=False)
        await db(lambda: get_user_model().objects.create_user("none"))
        error = await refusal(client, "login", by_name(name, "wrong"))
        assert same(error, MeteorError(403, reason))

    async def test_inactive_users(self, client, ada):
        await db(lambda: get_user_model().objects.update(is_active=False))
        assert same(await refusal(client, "login", by_name("ada", PASSWORD)), CHECK)


class TestResume:
    async def test_gives_the_same_token(self, client, connect, ada):
        first = await client.call("login", by_name("ada", PASSWORD))
        other = Talk(await connect())
        heard = await other.say(method("1", "login", {"resume": first["token"]}))
        assert names(heard) == ["added", "updated", "result"]
        assert other.client.results["1"]["result"] == {**first, "type": "resume"}

    @pytest.mark.parametrize("token", ["x", "a" * 43, "ä", "' OR 1=1"])
    async def test_unknown_tokens(self, client, ada, token):
        assert same(await refusal(client, "login", {"resume": token}), LOGGED_OUT)

    async def test_what_is_stored_is_no_token(self, client, ada):
        token = (await client.call("login", by_name("ada", PASSWORD)))["token"]
        (row,) = await db(lambda: list(LoginToken.objects.all()))
        assert row.hashed_token == hashed(token) != token
        assert same(await refusal(client, "login", {"resume": row.hashed_token}), LOGGED_OUT)

    async def test_expired_tokens(self, client, connect, ada):
        token = (await client.call("login", by_name("ada", PASSWORD)))["token"]
        past = dt.datetime.now(dt.UTC) - dt.timedelta(seconds=1)
        await db(lambda: LoginToken.objects.update(expires=past))
        error = await refusal(await connect(), "login", {"resume": token})
        expected = MeteorError(403, "Your session has expired. Please log in again.")
        assert same(error, expected)


class TestLogout:
    async def test_order(self, talk, ada):
        await talk.say(method("1", "login", by_name("ada", PASSWORD)))
        heard = await talk.say(method("2", "logout"))
        assert names(heard) == ["removed", "updated", "result"]
        assert heard[0]["collection"] == "users"
        assert not await db(LoginToken.objects.exists)

    async def test_of_nobody(self, talk):
        assert names(await talk.say(method("1", "logout"))) == ["updated", "result"]

    async def test_of_who_was_deactivated(self, client, ada):
        await client.call("login", by_name("ada", PASSWORD))
        await sql("UPDATE auth_user SET is_active = false")
        await client.wait_for(lambda: client.collections["users"] == {})
        await client.call("logout")
        assert not await db(LoginToken.objects.exists)
        await sql("UPDATE auth_user SET is_active = true")
        error = await refusal(client, "getNewToken")
        assert error.error == "You are not logged in."

    async def test_the_token_is_of_no_use_any_more(self, client, ada):
        token = (await client.call("login", by_name("ada", PASSWORD)))["token"]
        await client.call("logout")
        assert same(await refusal(client, "login", {"resume": token}), LOGGED_OUT)

    async def test_closes_what_uses_the_same_token(self, client, connect, ada):
        token = (await client.call("login", by_name("ada", PASSWORD)))["token"]
        same_token, another = await connect(), await connect()
        await same_token.call("login", {"resume": token})
        await another.call("login", by_name("ada", PASSWORD))
        await client.call("logout")
        assert await same_token.wait_closed() == CLOSED
        await another.call("logout")

    async def test_also_on_other_servers(self, client, connect, ada):
        token = (await client.call("login", by_name("ada", PASSWORD)))["token"]
        hub = Hub()
        await hub.start()
        there = await connect(to=hub)
        await there.call("login", {"resume": token})
        await client.call("logout")
        assert await there.wait_closed() == CLOSED
        await hub.stop()


class TestHooks:
    @pytest.fixture(autouse=True)
    def _forgotten_afterwards(self, monkeypatch):
        from dddp.accounts import logging_in

        monkeypatch.setattr(logging_in, "_hooks", [])
        monkeypatch.setattr(logging_in, "_handlers", {})

    async def test_refuse_logins(self, client, connect, ada):
        seen = []

        @validate_login
        def only_twice(attempt):
            seen.append((attempt.type, attempt.user.username, attempt.connection.id))
            return len(seen) <= 2

        token = (await client.call("login", by_name("ada", PASSWORD)))["token"]
        await client.call("login", {"resume": token})
        error = await refusal(client, "login", {"resume": token})
        assert same(error, MeteorError(403, "Login forbidden"))
        error = await refusal(client, "login", by_name("ada", PASSWORD))
        assert same(error, MeteorError(403, "Login forbidden"))
        connection = seen[0][2]
        assert seen[:2] == [(t, "ada", connection) for t in ("password", "resume")]
        assert connection != client.session, "who knows the session's id may take it over"
        assert await db(LoginToken.objects.count) == 1

    async def test_say_why(self, client, ada):
        @validate_login
        def closed(attempt):
            raise MeteorError(403, "On Sundays we are closed.")

        error = await refusal(client, "login", by_name("ada", PASSWORD))
        assert same(error, MeteorError(403, "On Sundays we are closed."))

    async def test_other_services(self, client, ada):
        @login_handler("badge")
        def badge(options):
            if "badge" not in options:
                return None
            if options["badge"] != "17":
                raise MeteorError(403, "Unknown badge")
            return get_user_model().objects.get(username="ada")

        result = await client.call("login", {"badge": "17"})
        assert (result["id"], result["type"]) == (str(ada.pk), "badge")
        assert (await refusal(client, "login", {"badge": "18"})).reason == "Unknown badge"
        error = await refusal(client, "login", {"card": "17"})
        assert error.reason == "Unrecognized options for login request"
        again = await client.call("login", {"resume": result["token"]})
        assert again["type"] == "resume"

    async def test_other_services_do_not_let_inactive_users_in(self, client, ada):
        @login_handler("badge")
        def badge(options):
            return get_user_model().objects.get(username="ada")

        await db(lambda: get_user_model().objects.update(is_active=False))
        assert same(await refusal(client, "login", {"badge": "17"}), CHECK)
