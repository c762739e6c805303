"""`this.connection`, and logins that last as long as a row exists."""

import asyncio
import threading

import pytest
from django.test import override_settings

from club.models import Message
from dddp.api import APIMixin, MeteorError, Publication, api_endpoint, this
from dddp.session.handle import ConnectionHandle
from dddp.session.hub import Hub
from dddp.session.info import ConnectionInfo
from dddp.session.rights import plan_of_condition
from tools.feed import outage, until
from tools.inprocess import InProcess, db, sql
from zoo.models import Keyed

SECONDS = 20
NORMAL = (1000, "Normal closure")
HEADERS = (
    (b"host", b"example.com"),
    (b"accept-language", b"de"),
    (b"accept-language", b"en"),
    (b"cookie", b"a=1; b=2"),
    (b"x-forwarded-proto", b"https"),
)


@pytest.fixture
def handed(offer):
    """What `this.connection` was in the last call of `hold`."""
    handed = []

    @offer
    class Hold(APIMixin):
        api_path_prefix = ""

        @api_endpoint
        def hold(self):
            handed[:] = [this.connection]

        @api_endpoint
        def close(self):
            this.connection.close()

    return handed


@pytest.fixture
def login_with(offer):
    """A method `login_with(user_id, text)`: logged in while there is a message of this text."""

    @offer
    class LoginWith(APIMixin):
        api_path_prefix = ""

        @api_endpoint
        def login_with(self, user_id, text):
            this.set_user_id(user_id, while_exists=Message.objects.filter(text=text))

        @api_endpoint
        def renew(self, user_id, old, new):
            Message.objects.create(channel_id=Message.objects.get(text=old).channel_id, text=new)
            this.set_user_id(user_id, while_exists=Message.objects.filter(text=new))
            Message.objects.filter(text=old).delete()

        @api_endpoint
        def logout(self, text):
            Message.objects.filter(text=text).delete()
            this.set_user_id(None)

        @api_endpoint
        def drop_and_fail(self, user_id):
            this.set_user_id(user_id)
            raise MeteorError("no")


def handle_of(hub, info):
    return ConnectionHandle(hub, info, lambda: None)


class TestWhatItTells:
    async def test_of_a_request(self, hub):
        info = ConnectionInfo("192.0.2.7", HEADERS, transport="sockjs-websocket")
        handle = handle_of(hub, info)
        assert handle.client_address == "192.0.2.7"
        assert handle.headers["accept-language"] == "de,en"
        assert handle.headers["cookie"] == "a=1; b=2"
        assert handle.transport == "sockjs-websocket"
        assert not handle.secure

    @pytest.mark.parametrize("secure", [True, False])
    async def test_of_tls(self, hub, secure):
        assert handle_of(hub, ConnectionInfo(secure=secure)).secure is secure

    @override_settings(SECURE_PROXY_SSL_HEADER=("HTTP_X_FORWARDED_PROTO", "https"))
    async def test_of_tls_before_a_proxy(self, hub):
        assert handle_of(hub, ConnectionInfo(headers=HEADERS)).secure

    async def test_nothing_is_known(self, hub):
        handle = handle_of(hub, ConnectionInfo())
        assert (handle.client_address, dict(handle.headers)) == ("", {})

    async def test_an_id_that_is_not_the_secret_one_of_the_session(self, hub, client, handed):
        await client.call("hold")
        assert handed[0].id != client.session
        async with InProcess(hub) as other:
            mine = handed[0].id
            await other.call("hold")
            assert handed[0].id != mine

    async def test_in_publications_it_is_the_same(self, client, handed, offer):
        seen = []

        @offer
        class See(Publication):
            def get_queries(self):
                seen.append(this.connection)
                return []

        await client.call("hold")
        await client.subscribe("See")
        assert seen == handed


class TestClose:
    async def test_from_a_method(self, client, handed):
        await client.send({"msg": "method", "id": "1", "method": "close"})
        assert await client.wait_closed() == NORMAL

    @pytest.mark.parametrize("here", [True, False])
    async def test_from_elsewhere(self, hub, client, handed, here):
        await client.call("hold")
        if here:
            handed[0].close()
        else:
            await asyncio.to_thread(handed[0].close)
        assert await client.wait_closed() == NORMAL
        assert handed[0].closed
        handed[0].close()

    async def test_nothing_more_is_handled(self, hub, client, handed):
        await client.call("hold")
        handed.clear()
        client.server.end()
        await client.send({"msg": "method", "id": "2", "method": "hold"})
        await until(lambda: client.server._worker is None)
        assert handed == []


class TestOnClose:
    async def test_is_called_once(self, client, handed):
        called = []
        await client.call("hold")

        async def later():
            called.append("coroutine")

        handed[0].on_close(lambda: called.append(threading.current_thread().name[:9]))
        await asyncio.to_thread(handed[0].on_close, later)
        await client.close()
        client.server.end()
        await until(lambda: called == ["dddp-user", "coroutine"])

    async def test_of_a_closed_one_at_once(self, client, handed):
        called = threading.Event()
        await client.call("hold")
        await client.close()
        await asyncio.to_thread(handed[0].on_close, called.set)
        assert await asyncio.to_thread(called.wait, SECONDS)

    async def test_failures_are_logged_and_the_next_is_called(self, client, handed, caplog):
        called = threading.Event()
        await client.call("hold")
        handed[0].on_close(lambda: 1 / 0)
        handed[0].on_close(called.set)
        await client.close()
        assert await asyncio.to_thread(called.wait, SECONDS)
        assert "on_close of a connection failed" in caplog.text

    async def test_this_is_nobodys(self, client, offer):
        said = []

        @offer
        class Say(APIMixin):
            api_path_prefix = ""

            @api_endpoint
            def say(self):
                this.connection.on_close(self.ask)
                this.connection.close()

            def ask(self):
                try:
                    said.append(this.user_id)
                except RuntimeError as error:
                    said.append(str(error))

        await client.send({"msg": "method", "id": "1", "method": "say"})
        await until(lambda: said)
        assert "nobody's call" in said[0]

    async def test_the_server_stops(self, hub, client, handed):
        called = threading.Event()
        await client.call("hold")
        handed[0].on_close(called.set)
        await hub.stop()
        assert called.is_set()


@pytest.mark.usefixtures("login_with")
class TestWhileExists:
    async def test_the_row_is_deleted(self, client, people):
        await client.call("login_with", people["ada"], "ada")
        assert await client.call("who") == [people["ada"], True]
        await sql("DELETE FROM club_message WHERE text = 'bob'")
        assert await client.call("who") == [people["ada"], True]
        await sql("DELETE FROM club_message WHERE text = 'ada'")
        assert await client.wait_closed() == NORMAL

    async def test_on_every_server(self, hub, client, people, registry):
        second = Hub(registry)
        await second.start()
        async with InProcess(second) as other:
            for each in (client, other):
                await each.call("login_with", people["ada"], "ada")
            await sql("DELETE FROM club_message WHERE text = 'ada'")
            for each in (client, other):
                assert await each.wait_closed() == NORMAL
        await second.stop()

    async def test_the_row_was_gone_before(self, client, people):
        await client.send(
            {"msg": "method", "id": "1", "method": "login_with", "params": [people["ada"], "eve"]}
        )
        assert await client.wait_closed() == NORMAL

    async def test_deleted_while_the_feed_was_away(self, hub, client, people):
        await client.call("login_with", people["ada"], "ada")
        async with outage(hub):
            await sql("DELETE FROM club_message WHERE text = 'ada'")
        assert await client.wait_closed() == NORMAL

    async def test_replaced_by_the_method_that_deletes_it(self, client, people):
        await client.call("login_with", people["ada"], "ada")
        await client.call("renew", people["ada"], "ada", "new")
        assert await client.call("who") == [people["ada"], True]
        await sql("DELETE FROM club_message WHERE text = 'new'")
        assert await client.wait_closed() == NORMAL

    async def test_the_row_is_there_before_the_feed_tells(self, hub, client, people):
        """A live query of the same condition does not know it yet."""
        condition = await db(plan_of_condition, Message.objects.filter(text="late"))
        known = await hub.engine.acquire(condition)
        await client.call("login", people["bob"])
        resume = hub.listener.pause()
        calling = asyncio.create_task(client.call("renew", people["ada"], "ada", "late"))
        await until(lambda: client.closed or client.server.user_id == people["ada"])
        resume()
        await calling
        assert await client.call("who") == [people["ada"], True]
        hub.engine.release(known)

    async def test_logging_out_ends_it(self, client, people):
        await client.call("login_with", people["ada"], "ada")
        await client.call("logout", "ada")
        assert await client.call("who") == [None, False]

    async def test_another_login_ends_it(self, client, people):
        await client.call("login_with", people["ada"], "ada")
        await client.call("login", people["bob"])
        await sql("DELETE FROM club_message WHERE text = 'ada'")
        assert await client.call("who") == [people["bob"], True]

    async def test_a_failed_method_does_not(self, client, people):
        await client.call("login_with", people["ada"], "ada")
        with pytest.raises(MeteorError):
            await client.call("drop_and_fail", people["bob"])
        await sql("DELETE FROM club_message WHERE text = 'ada'")
        assert await client.wait_closed() == NORMAL

    async def test_tables_that_are_not_watched(self, hub, client, people, offer, caplog):
        from django.contrib.sessions.models import Session

        @offer
        class Blind(APIMixin):
            api_path_prefix = ""

            @api_endpoint
            def blind(self, user_id):
                Keyed.objects.create(key="a")
                this.set_user_id(user_id, while_exists=Session.objects.filter(pk="x"))

        with pytest.raises(MeteorError) as caught:
            await client.call("blind", people["ada"])
        assert caught.value.error == 500
        assert "reads django_session, which no trigger watches" in caplog.text
        assert await client.call("who") == [None, False]
        assert await db(Keyed.objects.count) == 0

    @pytest.mark.parametrize(
        ("user_id", "condition", "complaint"),
        [
            ("1", Message.objects.values("text"), "cannot follow this queryset"),
            ("1", [1], "while_exists is a queryset"),
            (None, Message.objects.all(), "goes with a user"),
        ],
    )
    async def test_what_cannot_be_followed(
        self, client, people, offer, caplog, user_id, condition, complaint
    ):
        @offer
        class Odd(APIMixin):
            api_path_prefix = ""

            @api_endpoint
            def odd(self):
                this.set_user_id(user_id, while_exists=condition)

        with pytest.raises(MeteorError):
            await client.call("odd")
        assert complaint in caplog.text
