"""Sessions that outlive their connection (Meteor 3.5, "DDP session resumption")."""

import asyncio
import threading
from contextlib import ExitStack

import psycopg
import pytest
from django.test import override_settings

from dddp.api import APIMixin, Publication, api_endpoint, this
from dddp.session import attachment
from dddp.session import hub as hub_module
from dddp.session.info import ConnectionInfo
from tools.feed import until
from tools.inprocess import InProcess, db, quiet, sql
from zoo.models import Keyed

SECONDS = 20
NORMAL = (1000, "Normal closure")
PAGE = ((b"host", b"example.com"), (b"origin", b"https://example.com"), (b"cookie", b"s=1"))


@pytest.fixture
def keyed(offer):
    @offer
    class AllKeyed(Publication):
        queries = [Keyed.objects.order_by("key")]


@pytest.fixture
def gate(offer):
    """`pass_gate` has begun; let it end."""
    began, may_end, calls = threading.Event(), threading.Event(), []

    @offer
    class Gate(APIMixin):
        api_path_prefix = ""

        @api_endpoint
        def pass_gate(self):
            calls.append(this.connection.id)
            began.set()
            assert may_end.wait(SECONDS)
            return len(calls)

    yield began, may_end, calls
    may_end.set()


@pytest.fixture
def closed(offer, hub):
    """Ids of connections whose `on_close` was called."""
    closed = []

    @offer
    class Watch(APIMixin):
        api_path_prefix = ""

        @api_endpoint
        def watch(self):
            connection = this.connection
            connection.on_close(lambda: closed.append(connection.id))
            return connection.id

    return closed


@pytest.fixture
def grace(settings_of_ddp):
    settings_of_ddp("DDP_RESUME_GRACE_SECONDS", 0.2)


@pytest.fixture
def settings_of_ddp():
    """Change one until the end of the test."""
    with ExitStack() as changes:
        yield lambda name, value: changes.enter_context(override_settings(**{name: value}))


@pytest.fixture
def statements(monkeypatch):
    """What is asked of the database, in whatever thread."""
    statements, execute = [], psycopg.Cursor.execute

    def counted(cursor, query, *args, **options):
        statements.append(query)
        return execute(cursor, query, *args, **options)

    monkeypatch.setattr(psycopg.Cursor, "execute", counted)
    return statements


def told(client, seen):
    return [each["msg"] for each in client.messages[seen:]]


def claim(session, count, **more):
    message = {"msg": "connect", "version": "1", "support": ["1"], "session": session}
    return {**message, "receivedCount": count, **more}


async def claims(hub, message, info=None):
    """Another client that says this to connect."""
    client = InProcess(hub, info)
    await client.open()
    await client.send(message)
    await client.wait_for(lambda: client.session)
    return client


@pytest.mark.usefixtures("keyed")
class TestResumed:
    async def test_goes_on_where_it_was(self, hub, client):
        await client.subscribe("AllKeyed")
        await db(lambda: Keyed.objects.create(key="a", value="1"))
        await client.wait_for(lambda: client.collections["zoo.keyed"])
        seen, session = len(client.messages), client.session
        client.cut()
        await db(lambda: Keyed.objects.update(value="2"))
        await db(lambda: Keyed.objects.create(key="b", value="3"))
        await quiet(hub)
        assert await client.reconnect()
        await client.wait_for(lambda: "b" in client.collections["zoo.keyed"])
        assert client.messages[seen] == {"msg": "connected", "session": session}
        assert told(client, seen) == ["connected", "changed", "added"]
        assert client.collections["zoo.keyed"]["a"] == {"value": "2"}

    async def test_again_and_again(self, hub, client):
        await client.subscribe("AllKeyed")
        for key in "abc":
            client.cut()
            await db(lambda key=key: Keyed.objects.create(key=key))
            await quiet(hub)
            assert await client.reconnect()
        await client.wait_for(lambda: set(client.collections["zoo.keyed"]) == set("abc"))
        assert hub.sessions.kept == 0

    async def test_nothing_is_counted_that_is_not_sent(self, hub, client):
        await client.subscribe("AllKeyed")
        await client.send({"msg": "ping"})
        await client.wait_for(lambda: client.messages[-1] == {"msg": "pong"})
        await client.attachment.receive("nonsense")
        await client.wait_for(lambda: client.messages[-1]["msg"] == "error")
        client.cut()
        assert await client.reconnect()

    async def test_what_it_sends_in_error_is_answered(self, hub, client):
        client.cut()
        assert await client.reconnect()
        for _ in range(2):
            seen = len(client.messages)
            await client.send({"msg": "method"})
            await client.wait_for(lambda seen=seen: told(client, seen) == ["error"])

    async def test_pings_are_for_one_connection_only(self, hub, client, settings_of_ddp):
        settings_of_ddp("DDP_HEARTBEAT_INTERVAL", 0.05)
        settings_of_ddp("DDP_HEARTBEAT_TIMEOUT", 0.05)
        client.cut()
        assert await client.reconnect()
        pings = [each for each in client.messages if each["msg"] == "ping"]
        await client.wait_for(
            lambda: (
                len([each for each in client.messages if each["msg"] == "ping"]) > len(pings) + 2
            )
        )
        assert client.closed is None

    async def test_what_is_asked_for_again_is_there(self, hub, client, gate):
        began, may_end, calls = gate
        await client.subscribe("AllKeyed")
        seen = len(client.messages)
        await client.send({"msg": "method", "id": "m", "method": "pass_gate"})
        await client.send({"msg": "sub", "id": "s", "name": "AllKeyed"})
        await asyncio.to_thread(began.wait, SECONDS)
        client.cut()
        assert await client.reconnect()
        may_end.set()
        await client.wait_for(lambda: "s" in client.ready)
        assert told(client, seen) == ["connected", "updated", "result", "ready"]
        assert len(calls) == 1

    async def test_a_publication_that_is_still_busy(self, hub, client, offer):
        may_go_on, begun = asyncio.Event(), []

        @offer
        class Slow(Publication):
            async def publish(self):
                begun.append(self)
                self.added("slow", "1", {})
                await may_go_on.wait()
                self.added("slow", "2", {})
                self.ready()

        await client.send({"msg": "sub", "id": "s", "name": "Slow"})
        await client.wait_for(lambda: client.collections["slow"])
        seen = len(client.messages)
        client.cut()
        assert await client.reconnect()
        may_go_on.set()
        await client.wait_for(lambda: "s" in client.ready)
        assert told(client, seen) == ["connected", "added", "ready"]
        assert len(begun) == 1

    async def test_what_was_answered_meanwhile_is_told_once(self, hub, client, gate):
        began, may_end, calls = gate
        await client.send({"msg": "method", "id": "m", "method": "pass_gate"})
        await client.send({"msg": "sub", "id": "s", "name": "Unknown"})
        await asyncio.to_thread(began.wait, SECONDS)
        client.cut()
        may_end.set()
        await until(lambda: not client.server._inbox and client.server._worker is None)
        seen = len(client.messages)
        assert await client.reconnect()
        assert await client.call("who") == [None, False]
        assert told(client, seen) == [
            *["connected", "updated", "result", "nosub"],
            *["updated", "result"],
        ]
        assert len(calls) == 1

    async def test_what_was_lost_on_its_way_is_done_now(self, hub, client, gate):
        _, may_end, calls = gate
        may_end.set()
        client.cut()
        client.sent({"msg": "method", "id": "m", "method": "pass_gate"})
        client.sent({"msg": "sub", "id": "s", "name": "AllKeyed"})
        assert await client.reconnect()
        await client.wait_for(lambda: "m" in client.results and "s" in client.ready)
        assert len(calls) == 1

    async def test_a_subscription_ended_before_may_begin_again(self, hub, client):
        first = await client.subscribe("AllKeyed")
        client.cut()
        client._asked.clear()
        assert await client.reconnect()
        await first.stop()
        await client.send({"msg": "sub", "id": first.id, "name": "AllKeyed"})
        await db(lambda: Keyed.objects.create(key="a"))
        await client.wait_for(lambda: client.collections["zoo.keyed"])

    async def test_hooks_are_not_called_again(self, hub, client, registry):
        calls = []
        registry.on_connection(lambda: calls.append(this.connection.id))
        async with InProcess(hub) as other:
            await other.call("who")
            other.cut()
            assert await other.reconnect()
            await other.call("who")
        assert len(calls) == 1

    async def test_the_connection_is_the_same_with_what_is_new(self, hub, closed):
        old = ConnectionInfo("192.0.2.7", PAGE, transport="websocket")
        new = ConnectionInfo("192.0.2.8", PAGE, transport="sockjs-websocket")
        async with InProcess(hub, old) as client:
            id = await client.call("watch")
            handle = client.server.connection
            client.cut()
            client._info = new
            assert await client.reconnect()
            assert await client.call("watch") == id
            assert (handle.client_address, handle.transport) == ("192.0.2.8", "sockjs-websocket")
            assert closed == []
        await until(lambda: closed == [id, id])

    async def test_a_login_lasts(self, hub, client, people):
        await client.call("login", people["ada"])
        client.cut()
        assert await client.reconnect()
        assert await client.call("who") == [people["ada"], True]

    async def test_rights_that_change_meanwhile(self, hub, client, people):
        await client.call("login", people["ada"])
        client.cut()
        await sql("UPDATE auth_user SET is_active = false")
        await quiet(hub)
        assert await client.reconnect()
        assert await client.call("who") == [None, False]

    async def test_by_a_client_whose_old_connection_seems_to_be_there(self, hub, client):
        await client.subscribe("AllKeyed")
        old = client.attachment
        other = await claims(hub, claim(client.session, client.received))
        assert other.session == client.session
        assert await client.wait_closed() == NORMAL
        await old.receive('{"msg":"method","id":"1","method":"who"}')
        await db(lambda: Keyed.objects.create(key="a"))
        await other.wait_for(lambda: "a" in other.collections["zoo.keyed"])
        assert told(other, 0) == ["connected", "added"]
        await other.close()


@pytest.mark.usefixtures("keyed")
class TestNotResumed:
    """The client gets a session of its own, and what is left of the old one is ended."""

    async def refused(self, hub, client, message, info=None):
        session = client.server
        other = await claims(hub, message, info)
        assert other.session != session.id
        assert session not in hub.sessions
        await other.close()

    @pytest.mark.parametrize("count", [0, 1, 3, -1, None, "2", 2.0, True])
    async def test_another_count(self, hub, client, count):
        await client.subscribe("AllKeyed")
        client.cut()
        await self.refused(hub, client, claim(client.session, count))

    async def test_no_count(self, hub, client):
        client.cut()
        message = claim(client.session, 1)
        del message["receivedCount"]
        await self.refused(hub, client, message)

    async def test_another_version(self, hub, client):
        client.cut()
        message = claim(client.session, 1, version="pre2", support=["pre2"])
        await self.refused(hub, client, message)

    async def test_another_count_while_the_old_connection_seems_to_be_there(self, hub, client):
        await self.refused(hub, client, claim(client.session, 7))
        assert await client.wait_closed() == NORMAL

    async def test_two_at_once(self, hub, client):
        client.cut()
        first, second = InProcess(hub), InProcess(hub)
        for each in (first, second):
            await each.open()
            await each.send(claim(client.session, 1))
        await second.wait_for(lambda: second.session)
        assert await first.wait_closed() == NORMAL
        assert (first.session, second.session) == (None, client.session)
        assert await second.call("who") == [None, False]
        assert told(second, 0) == ["connected", "updated", "result"]
        await second.close()
        await first.close()

    async def test_one_after_the_other(self, hub, client):
        client.cut()
        first = await claims(hub, claim(client.session, 1))
        second = await claims(hub, claim(client.session, 1))
        assert first.session == client.session != second.session
        assert await first.wait_closed() == NORMAL
        await first.close()
        await second.close()

    async def test_what_was_taken_and_not_written(self, hub, client):
        await client.subscribe("AllKeyed")
        client.receive = lambda text: {}
        await db(lambda: Keyed.objects.create(key="a"))
        await quiet(hub)
        del client.receive
        client.cut()
        assert not await client.reconnect()
        await client.wait_for(lambda: "a" in client.collections["zoo.keyed"])

    @pytest.mark.usefixtures("grace")
    async def test_after_the_grace_period(self, hub, client, closed):
        id = await client.call("watch")
        client.cut()
        await until(lambda: not len(hub.sessions))
        assert hub.sessions.kept == 0
        assert not await client.reconnect()
        await until(lambda: closed == [id])

    @pytest.mark.usefixtures("grace")
    async def test_a_resumed_one_has_no_grace_period(self, hub, client):
        client.cut()
        async with InProcess(hub) as other:
            assert await client.reconnect()
            other.cut()
            await until(lambda: hub.sessions.kept == 0)
            assert await client.call("who") == [None, False]
            await other.reconnect()

    async def test_turned_off(self, hub, client, settings_of_ddp):
        settings_of_ddp("DDP_RESUME_GRACE_SECONDS", 0)
        client.cut()
        assert not len(hub.sessions)
        assert not await client.reconnect()

    async def test_more_messages_than_may_wait(self, hub, client, settings_of_ddp):
        settings_of_ddp("DDP_RESUME_MAX_MESSAGES", 3)
        await client.subscribe("AllKeyed")
        client.cut()
        for key in "abc":
            await db(lambda key=key: Keyed.objects.create(key=key))
        await quiet(hub)
        assert hub.sessions.kept == 1
        await db(lambda: Keyed.objects.create(key="d"))
        await until(lambda: not len(hub.sessions))
        assert not await client.reconnect()
        await client.wait_for(lambda: len(client.collections["zoo.keyed"]) == 4)

    async def test_more_bytes_than_may_wait(self, hub, client, settings_of_ddp):
        settings_of_ddp("DDP_OUTBOX_BYTES", 1000)
        async with InProcess(hub) as other:
            await other.subscribe("AllKeyed")
            other.cut()
            for key in "abc":
                await db(lambda key=key: Keyed.objects.create(key=key, value="x" * 100 * 8))
            await until(lambda: len(hub.sessions) == 1)
            assert not await other.reconnect()

    async def test_more_sessions_than_are_kept(self, hub, settings_of_ddp):
        settings_of_ddp("DDP_RESUME_MAX_SESSIONS", 2)
        clients = [InProcess(hub) for _ in range(3)]
        for each in clients:
            await each.__aenter__()
            each.cut()
        assert hub.sessions.kept == 2
        assert [await each.reconnect() for each in clients] == [False, True, True]
        for each in clients:
            await each.close()

    async def test_more_sessions_than_an_address_may_have(self, hub, settings_of_ddp):
        settings_of_ddp("DDP_MAX_CONNECTIONS_PER_ADDRESS", 2)
        addresses = ["192.0.2.1"] * 3 + ["192.0.2.2"]
        clients = [InProcess(hub, ConnectionInfo(address)) for address in addresses]
        for each in clients:
            await each.__aenter__()
        for each in clients:
            each.cut()
        assert hub.sessions.kept == 3
        assert [await each.reconnect() for each in clients] == [True, True, False, True]
        for each in clients:
            each.cut()
        assert hub.sessions.kept == 3
        for each in clients:
            await each.reconnect()
            await each.close()

    async def test_ended_by_the_client(self, hub, client):
        await client.send({"msg": "disconnect"})
        assert await client.wait_closed() == NORMAL
        assert not len(hub.sessions)

    @pytest.mark.parametrize("is_away", [True, False])
    async def test_closed_by_the_server(self, hub, client, closed, is_away):
        id = await client.call("watch")
        handle = client.server.connection
        if is_away:
            client.cut()
        await asyncio.to_thread(handle.close)
        await until(lambda: not len(hub.sessions))
        assert not await client.reconnect()
        await until(lambda: closed == [id])

    async def test_a_login_that_is_gone(self, hub, client, people, offer):
        from club.models import Message

        @offer
        class LoginWith(APIMixin):
            api_path_prefix = ""

            @api_endpoint
            def login_with(self, user_id, text):
                this.set_user_id(user_id, while_exists=Message.objects.filter(text=text))

        await client.call("login_with", people["ada"], "ada")
        client.cut()
        assert hub.sessions.kept == 1
        await sql("DELETE FROM club_message WHERE text = 'ada'")
        await until(lambda: not len(hub.sessions))
        assert not await client.reconnect()
        assert await client.call("who") == [None, False]


class TestTransportThatStays:
    """Its session has ended, and the client does not read what is left."""

    @pytest.fixture
    def impatient(self, settings_of_ddp, monkeypatch):
        settings_of_ddp("DDP_MAX_CONNECTIONS_PER_ADDRESS", 1)
        settings_of_ddp("DDP_OUTBOX_SECONDS", 0.01)
        monkeypatch.setattr(hub_module, "SWEEP_SECONDS", 0.01)

    async def test_counts_and_is_given_up(self, impatient, hub):
        connection = hub.open(ConnectionInfo("192.0.2.7"))
        given_up = asyncio.Event()
        connection.outbox.on_abort(given_up.set)
        await connection.receive('{"msg":"connect","version":"1","support":["1"]}')
        await connection.outbox.take()
        await connection.receive('{"msg":"disconnect"}')
        assert not len(hub.sessions)
        assert hub.is_crowded("192.0.2.7")
        await asyncio.wait_for(given_up.wait(), SECONDS)
        connection.lost()
        assert not hub.is_crowded("192.0.2.7")
        assert not hub.connections


class TestHeartbeat:
    async def test_a_silent_client_may_come_back(self, hub, settings_of_ddp):
        settings_of_ddp("DDP_HEARTBEAT_INTERVAL", 0.05)
        settings_of_ddp("DDP_HEARTBEAT_TIMEOUT", 0.05)
        async with InProcess(hub) as client:
            client._pong = lambda ping: asyncio.sleep(0)
            assert await client.wait_closed() == NORMAL
            assert hub.sessions.kept == 1
            assert await client.reconnect()

    async def test_who_never_connects_is_closed_also_between_rare_heartbeats(
        self, hub, settings_of_ddp, monkeypatch
    ):
        settings_of_ddp("DDP_HEARTBEAT_INTERVAL", 3600)
        monkeypatch.setattr(attachment, "CONNECT_SECONDS", 0.05)
        client = InProcess(hub)
        await client.open()
        assert await client.wait_closed() == NORMAL
        await client.close()


class TestWhoMayHaveIt:
    """Who knows the secret and comes from elsewhere gets, and ends, nothing."""

    async def resumes(self, hub, **changes):
        headers = {**dict(PAGE), **changes.pop("headers", {})}
        old = ConnectionInfo("192.0.2.7", PAGE)
        values = {"address": "192.0.2.7", "headers": tuple(headers.items()), **changes}
        async with InProcess(hub, old) as client:
            await client.call("who")
            session = client.server
            client.cut()
            other = await claims(
                hub, claim(client.session, client.received), ConnectionInfo(**values)
            )
            resumed = other.session == session.id
            assert resumed or session in hub.sessions
            await other.close()
        return resumed

    async def test_the_same(self, hub, closed):
        assert await self.resumes(hub)

    async def test_another_page(self, hub):
        other = {b"origin": b"https://example.org"}
        assert not await self.resumes(hub, headers=other)

    async def test_another_server(self, hub):
        assert not await self.resumes(hub, headers={b"host": b"www.example.com"})

    async def test_without_tls(self, hub):
        assert not await self.resumes(hub, secure=True)

    async def test_without_tls_as_a_proxy_tells(self, hub, settings_of_ddp):
        name = "x-forwarded-proto"
        settings_of_ddp("SECURE_PROXY_SSL_HEADER", ("HTTP_X_FORWARDED_PROTO", "https"))
        assert not await self.resumes(hub, headers={name.encode(): b"https"})

    async def test_another_cookie_if_nobody_has_looked_at_it(self, hub):
        assert await self.resumes(hub, headers={b"cookie": b"s=2"})

    @pytest.mark.parametrize("name", [b"cookie", b"authorization"])
    async def test_other_credentials_than_those_looked_at(self, hub, registry, name):
        registry.on_connection(lambda: this.connection.request())
        assert await self.resumes(hub)
        assert not await self.resumes(hub, headers={name: b"s=2"})

    async def test_another_address_if_connections_are_judged_by_it(self, hub, registry):
        assert await self.resumes(hub, address="192.0.2.8")
        registry.on_connection(lambda: this.connection.client_address)
        assert await self.resumes(hub)
        assert not await self.resumes(hub, address="192.0.2.8")


@pytest.mark.usefixtures("keyed")
class TestCheapReconnects:
    """Whoever has to subscribe anew finds the queries live."""

    @pytest.fixture
    async def subscribed(self, hub, client, statements):
        await db(lambda: Keyed.objects.create(key="a"))
        statements.clear()
        await client.subscribe("AllKeyed")
        assert statements
        return client

    async def again(self, client, statements, count=None, resume=True):
        if count is not None:
            client.received = count
        statements.clear()
        assert not await client.reconnect(resume)
        await client.wait_for(lambda: client.ready)
        assert set(client.collections["zoo.keyed"]) == {"a"}
        return len(statements)

    async def test_without_resuming(self, subscribed, statements):
        subscribed.cut()
        assert await self.again(subscribed, statements, resume=False) == 0

    async def test_with_a_wrong_count(self, subscribed, statements):
        subscribed.cut()
        assert await self.again(subscribed, statements, count=1) == 0

    async def test_when_too_much_has_come_meanwhile(
        self, hub, subscribed, statements, settings_of_ddp
    ):
        settings_of_ddp("DDP_RESUME_MAX_MESSAGES", 0)
        subscribed.cut()
        await db(lambda: Keyed.objects.update(value="2"))
        await until(lambda: not len(hub.sessions))
        assert await self.again(subscribed, statements) == 0
        assert subscribed.collections["zoo.keyed"]["a"]["value"] == "2"

    async def test_when_no_sessions_are_kept(self, subscribed, statements, settings_of_ddp):
        settings_of_ddp("DDP_RESUME_MAX_SESSIONS", 0)
        subscribed.cut()
        assert await self.again(subscribed, statements) == 0

    async def test_many_at_once(self, hub, subscribed, statements):
        others = [InProcess(hub) for _ in range(50)]
        for each in others:
            await each.__aenter__()
            await each.subscribe("AllKeyed")
        for each in (subscribed, *others):
            each.cut()
        statements.clear()
        for each in (subscribed, *others):
            each.received = 0
        await asyncio.gather(*(each.reconnect() for each in (subscribed, *others)))
        for each in others:
            await each.wait_for(lambda each=each: each.ready)
        assert statements == []
        assert len(hub.engine.queries) == 1
        for each in others:
            await each.close()

    @pytest.mark.usefixtures("grace")
    async def test_the_time_is_over(self, hub, subscribed, statements):
        subscribed.received = 0
        subscribed.cut()
        await claims(hub, claim(subscribed.session, 0))
        assert len(hub.lingering) == 1
        await until(lambda: not hub.engine.queries)
        assert await self.again(subscribed, statements) > 0

    async def test_not_when_the_client_has_said_that_it_goes(self, hub, subscribed):
        await subscribed.close()
        assert hub.engine.queries == []
