"""Which connections may carry credentials, and logins by the session of a browser."""

import pytest
from django.contrib.auth import get_user_model
from django.test import Client
from people import CLOSED, PASSWORD, by_name, refusal, same

from dddp.accounts.browser_session import log_in_by_session
from dddp.accounts.models import LoginToken
from dddp.api import MeteorError
from dddp.api.registry import API, Registry
from dddp.session.hub import Hub
from dddp.session.info import ConnectionInfo
from tools.inprocess import db

REFUSED = MeteorError(403, "Authentication refused without TLS.")
FAR = "192.0.2.7"
HOST = (b"host", b"example.org")
HERE = (b"host", b"localhost:8000")
FORWARDED_TLS = (b"x-forwarded-proto", b"https")


class TestTLS:
    @pytest.mark.parametrize(
        "info",
        [
            ConnectionInfo(FAR, (HOST,)),
            ConnectionInfo("", (HOST,)),
            ConnectionInfo("unix", (HERE,)),
            # A proxy on this machine, with clients from elsewhere.
            ConnectionInfo("127.0.0.1", (HOST,)),
            ConnectionInfo("127.0.0.1", (HERE, (b"x-forwarded-for", b"192.0.2.7"))),
            ConnectionInfo("127.0.0.1", (HERE, (b"x-real-ip", b"192.0.2.7"))),
            ConnectionInfo("127.0.0.1", (HERE, (b"forwarded", b"for=192.0.2.7"))),
            # Everybody can say so, unless a setting trusts it.
            ConnectionInfo(FAR, (HOST, FORWARDED_TLS)),
            ConnectionInfo(FAR, (HERE,)),
        ],
    )
    async def test_is_wanted(self, connect, ada, info):
        client = await connect(info)
        for method, *params in [
            ("login", by_name("ada", PASSWORD)),
            ("login", {"resume": "a" * 43}),
            ("login", {}),
            ("createUser", {"username": "eve", "password": PASSWORD}),
            ("resetPassword", "a" * 43, PASSWORD),
            ("verifyEmail", "a" * 43),
        ]:
            assert same(await refusal(client, method, *params), REFUSED)
        assert not await db(LoginToken.objects.exists)

    @pytest.mark.parametrize(
        "info",
        [
            ConnectionInfo(FAR, (HOST,), secure=True),
            ConnectionInfo("127.0.0.1", (HERE,)),
            ConnectionInfo("127.0.0.9", ((b"host", b"127.0.0.1"),)),
            ConnectionInfo("::1", ((b"host", b"[::1]:8000"),)),
            ConnectionInfo("::ffff:127.0.0.1", (HERE,)),
        ],
    )
    async def test_is_not_needed_or_there(self, connect, ada, info):
        await (await connect(info)).call("login", by_name("ada", PASSWORD))

    async def test_of_a_proxy_that_is_trusted(self, connect, ada, configure):
        configure(SECURE_PROXY_SSL_HEADER=("HTTP_X_FORWARDED_PROTO", "https"))
        client = await connect(ConnectionInfo(FAR, (HOST, FORWARDED_TLS)))
        await client.call("login", by_name("ada", PASSWORD))
        plain = (b"x-forwarded-proto", b"http")
        client = await connect(ConnectionInfo("127.0.0.1", (HERE, plain)))
        assert same(await refusal(client, "login", by_name("ada", PASSWORD)), REFUSED)

    async def test_can_be_done_without(self, connect, ada, configure):
        configure(DDP_ACCOUNTS_REQUIRE_TLS=False)
        client = await connect(ConnectionInfo(FAR, (HOST,)))
        await client.call("login", by_name("ada", PASSWORD))


@pytest.fixture
async def browser(db_project, ada):
    """A browser that has logged in with a form, and what it opens connections with."""
    browser = Client()
    await db(lambda: browser.force_login(ada))
    return browser


def connection_of(browser, origin=b"https://example.org", host=b"example.org"):
    cookie = f"x=y; sessionid={browser.cookies['sessionid'].value}".encode()
    headers = [(b"host", host), (b"cookie", cookie)]
    if origin is not None:
        headers.append((b"origin", origin))
    return ConnectionInfo(FAR, tuple(headers), secure=True)


class TestSession:
    @pytest.fixture
    async def there(self, hub):
        """A hub of a project that has turned it on."""
        registry = Registry()
        for name in ("_collections", "_publications", "_methods"):
            getattr(registry, name).update(getattr(API, name))
        registry.on_connection(log_in_by_session)
        there = Hub(registry)
        await there.start()
        yield there
        await there.stop()

    async def test_is_off(self, connect, browser, ada):
        client = await connect(connection_of(browser))
        assert (await refusal(client, "getNewToken")).error == "You are not logged in."

    async def test_logs_in(self, connect, browser, ada, there):
        client = await connect(connection_of(browser), to=there)
        await client.wait_for(lambda: str(ada.pk) in client.collections["users"])
        assert client.messages[0]["msg"] == "connected"
        token = (await client.call("getNewToken"))["token"]
        other = await connect(to=there)
        await other.call("login", {"resume": token})
        assert token != browser.cookies["sessionid"].value

    @pytest.mark.parametrize(
        "origin",
        [None, b"", b"null", b"https://evil.org", b"http://example.org", b"https://example.org:444",
         b"https://example.org.evil.org", b"https://sub.example.org", b"https://[", b"example.org"],
    )  # fmt: skip
    async def test_only_for_pages_of_the_site(self, connect, browser, there, configure, origin):
        configure(DDP_ALLOWED_ORIGINS=["*"])
        client = await connect(connection_of(browser, origin), to=there)
        assert (await refusal(client, "getNewToken")).error == "You are not logged in."

    async def test_not_over_the_plain_network(self, connect, browser, there):
        headers = connection_of(browser, b"http://example.org").headers
        client = await connect(ConnectionInfo(FAR, headers), to=there)
        assert (await refusal(client, "getNewToken")).error == "You are not logged in."

    @pytest.mark.parametrize("change", [{"is_active": False}, {"password": "!"}])
    async def test_not_with_a_session_that_is_over(self, connect, browser, there, change):
        await db(lambda: get_user_model().objects.update(**change))
        client = await connect(connection_of(browser), to=there)
        assert (await refusal(client, "getNewToken")).error == "You are not logged in."

    async def test_the_session_is_no_login_token(self, connect, browser, there, ada):
        client = await connect(connection_of(browser), to=there)
        await client.wait_for(lambda: str(ada.pk) in client.collections["users"])
        key = browser.cookies["sessionid"].value
        assert (await refusal(await connect(), "login", {"resume": key})).error == 403

    async def test_ends_with_the_session(self, connect, browser, there, ada):
        clients = [await connect(connection_of(browser), to=there) for _ in range(2)]
        for client in clients:
            await client.wait_for(lambda seen=client.collections: str(ada.pk) in seen["users"])
        await db(browser.logout)
        for client in clients:
            assert await client.wait_closed() == CLOSED

    async def test_logout_ends_the_session(self, connect, browser, there, ada):
        client = await connect(connection_of(browser), to=there)
        await client.call("logout")
        again = await connect(connection_of(browser), to=there)
        assert (await refusal(again, "getNewToken")).error == "You are not logged in."

    async def test_a_hook_that_fails(self, connect, hub, caplog):
        hub.registry = Registry()
        hub.registry.on_connection(lambda: 1 / 0)
        assert (await refusal(await connect(), "logout")).error == 404
        assert "ZeroDivisionError" in caplog.text
