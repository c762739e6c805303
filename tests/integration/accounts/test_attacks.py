"""What attackers try: guessing, fixing, enumerating, flooding."""

import time

import pytest
from django.contrib.auth import get_user_model
from django.contrib.auth.hashers import MD5PasswordHasher
from django.core.cache import cache
from django.core.management import call_command
from people import CHECK, LOCAL, PASSWORD, by_name, digest, refusal, same

from dddp.accounts import background, tokens
from dddp.accounts.models import LoginToken
from dddp.conf import DEFAULTS
from dddp.session.info import ConnectionInfo
from tools.inprocess import InProcess, db, sql

FEW = {"account": 3, "address": 5, "seconds": 3600}


def from_address(address):
    return ConnectionInfo(address, ((b"host", b"example.org"),), secure=True)


class TestGuessing:
    @pytest.fixture(params=["memory", "database"])
    async def counted_in(self, db_project, configure, request):
        """A cache in the database is part of the transaction of whoever counts."""
        if request.param == "memory":
            yield
            return
        backend = "django.core.cache.backends.db.DatabaseCache"
        configure(CACHES={"default": {"BACKEND": backend, "LOCATION": "cache_of_failures"}})
        await db(lambda: call_command("createcachetable", verbosity=0))
        yield
        await sql("DROP TABLE cache_of_failures")

    async def test_is_limited_for_each_connection(self, client, ada, configure):
        """Meteor 3: the sixth login within ten seconds, right or wrong."""
        configure(DDP_RATE_LIMITS=DEFAULTS["rate_limits"])
        for _ in range(5):
            assert same(await refusal(client, "login", by_name("ada", "wrong")), CHECK)
        error = await refusal(client, "login", by_name("ada", PASSWORD))
        assert error.error == "too-many-requests"
        assert 0 < error.details["timeToReset"] <= 10_000
        for method, params in [
            ("createUser", {"username": 5}),
            ("forgotPassword", {"email": 5}),
            ("resetPassword", "x"),
        ]:
            for _ in range(5):
                assert (await refusal(client, method, params)).error == 400
            assert (await refusal(client, method, params)).error == "too-many-requests"

    async def test_is_limited_over_connections(self, connect, ada, configure):
        configure(DDP_ACCOUNTS_FAILED_LOGINS=FEW)
        for _ in range(3):
            error = await refusal(await connect(), "login", by_name("ADA", "wrong"))
            assert same(error, CHECK)
        client = await connect()
        error = await refusal(client, "login", by_name("ada", PASSWORD))
        assert error.error == "too-many-requests"
        assert error.reason.startswith("Error, too many requests. Please slow down. You must wait")
        # Not for others, nor elsewhere, nor for who has a token.
        assert same(await refusal(client, "login", by_name("bob", "wrong")), CHECK)
        elsewhere = await connect(from_address("192.0.2.7"))
        token = (await elsewhere.call("login", by_name("ada", PASSWORD)))["token"]
        await client.call("login", {"resume": token})

    async def test_is_limited_over_accounts(self, connect, ada, configure):
        configure(DDP_ACCOUNTS_FAILED_LOGINS=FEW)
        for number in range(5):
            client = await connect(from_address(f"2001:db8::{number}"))
            assert same(await refusal(client, "login", by_name(f"u{number}", "password")), CHECK)
        client = await connect(from_address("2001:db8::9"))
        error = await refusal(client, "login", by_name("ada", PASSWORD))
        assert error.error == "too-many-requests"

    async def test_addresses_of_ipv4_are_counted_apart(self, connect, ada, configure):
        configure(DDP_ACCOUNTS_FAILED_LOGINS=FEW)
        for number in range(5):
            client = await connect(from_address("::ffff:192.0.2.1"))
            await refusal(client, "login", by_name(f"u{number}", "wrong"))
        client = await connect(from_address("192.0.2.1"))
        assert (await refusal(client, "login", by_name("bob", "x"))).error == "too-many-requests"
        client = await connect(from_address("::ffff:192.0.2.2"))
        await client.call("login", by_name("ada", PASSWORD))

    @pytest.mark.usefixtures("counted_in")
    async def test_with_changes_of_passwords(self, client, ada, configure):
        configure(DDP_ACCOUNTS_FAILED_LOGINS=FEW)
        await client.call("login", by_name("ada", PASSWORD))
        for _ in range(3):
            assert (await refusal(client, "changePassword", "wrong", "x" * 20)).error == 403
        error = await refusal(client, "changePassword", PASSWORD, "x" * 20)
        assert error.error == "too-many-requests"

    async def test_ends_with_the_window(self, connect, ada, configure):
        configure(DDP_ACCOUNTS_FAILED_LOGINS=FEW)
        client = await connect()
        for _ in range(3):
            await refusal(client, "login", by_name("ada", "wrong"))
        cache.clear()
        await client.call("login", by_name("ada", PASSWORD))


class TestEnumeration:
    """Known or not, as much is done, so that the time tells nothing."""

    @pytest.fixture
    def work(self, monkeypatch):
        """Counts hashes that are computed."""
        done = []
        encode = MD5PasswordHasher.encode  # also used by `verify`

        def counted(self, password, salt, *args):
            done.append(len(password))
            return encode(self, password, salt, *args)

        monkeypatch.setattr(MD5PasswordHasher, "encode", counted)
        return done

    @pytest.mark.parametrize("password", ["wrong", digest("wrong"), {**digest(""), "digest": "a"}])
    async def test_logins(self, client, ada, work, password):
        await db(lambda: get_user_model().objects.create_user("none", "none@example.org"))
        work.clear()
        for user in [
            {"username": "ada"},
            {"username": "ADA"},
            {"username": "bob"},
            {"username": "none"},
            {"email": "ada@example.org"},
            {"email": "bob@example.org"},
            {"id": str(ada.pk)},
            {"id": "987654321"},
            {"id": "no number"},
        ]:
            error = await refusal(client, "login", {"user": user, "password": password})
            assert error.reason == CHECK.reason
            assert len(work) == 1, user
            work.clear()

    async def test_sign_ups(self, client, ada, work):
        for name in ("ada", "e v e"):
            await refusal(client, "createUser", {"username": name, "password": PASSWORD})
            assert len(work) == 1
            work.clear()
        await client.call("createUser", {"username": "eve", "password": PASSWORD})
        assert len(work) == 1

    async def test_forgotten_passwords_are_looked_for_later(self, client, ada, sent, monkeypatch):
        """Neither the answer nor the next one waits for anything that depends on the address."""
        jobs = []
        monkeypatch.setattr(background, "submit", lambda *job: jobs.append(job))
        monkeypatch.setattr(background, "SPREAD_SECONDS", 1000.0)
        now = time.monotonic()
        for address in ("ada@example.org", "bob@example.org") * 10:
            assert await client.call("forgotPassword", {"email": address}) is None
        begins = [begin for _, begin, _, _ in jobs]
        assert all(now <= begin <= time.monotonic() + 1000 for begin in begins)
        assert max(begins) - min(begins) > 10


class TestFixation:
    async def test_a_login_makes_a_token_of_its_own(self, client, connect, ada):
        """Whoever has prepared the connection or knows the token before gains nothing."""
        eve = await db(lambda: get_user_model().objects.create_user("eve", password="eve"))
        known = (await client.call("login", by_name("eve", "eve")))["token"]
        token = (await client.call("login", by_name("ada", PASSWORD)))["token"]
        assert token != known
        again = await connect()
        assert (await again.call("login", {"resume": known}))["id"] == str(eve.pk)

    async def test_a_client_cannot_choose_its_token(self, client, ada):
        chosen = "a" * 43
        options = {**by_name("ada", PASSWORD), "resume": chosen}
        assert (await refusal(client, "login", options)).error == 403
        options = {**by_name("ada", PASSWORD), "token": chosen}
        assert (await refusal(client, "login", options)).error == 400
        assert not await db(LoginToken.objects.exists)

    async def test_nor_its_session(self, hub, client, ada, connect):
        await client.call("login", by_name("ada", PASSWORD))
        other = InProcess(hub, LOCAL)
        await other.open()
        message = {"msg": "connect", "version": "1", "support": ["1"], "session": client.session}
        await other.send(message)
        await other.wait_for(lambda: other.session)
        assert other.session != client.session
        assert (await refusal(other, "getNewToken")).error == "You are not logged in."
        await other.close()


class TestLeaks:
    async def test_nothing_secret_is_stored_or_logged(self, client, connect, ada, caplog, sent):
        caplog.set_level("DEBUG")
        token = (await client.call("login", by_name("ada", PASSWORD)))["token"]
        await (await connect()).call("login", by_name("ada", digest(PASSWORD)))
        await refusal(client, "login", by_name("ada", "a wrong password"))
        await client.call("forgotPassword", {"email": "ada@example.org"})
        await sent()
        (row, _) = await db(lambda: list(LoginToken.objects.order_by("pk").values()))
        for secret in (token, PASSWORD, digest(PASSWORD)["digest"], "a wrong password"):
            assert secret not in caplog.text
            assert secret not in str(row)

    async def test_nothing_is_kept_of_connections(self, connect, ada):
        for _ in range(3):
            client = await connect()
            await client.call("login", by_name("ada", PASSWORD))
            await client.call("logout")
            await client.call("login", by_name("ada", PASSWORD))
        assert client.server.connection.id in tokens._current
        callbacks = client.server.connection._on_close
        assert len(callbacks._waiting) == 1

    async def test_only_public_names_are_methods(self, client):
        for name in ("_token", "Accounts", "create_user", "get_new_token", "__init__", "toString"):
            assert (await refusal(client, name)).error == 404
