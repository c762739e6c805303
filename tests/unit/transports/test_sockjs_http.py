"""SockJS over HTTP, with a session that does what the test says."""

import asyncio
import contextlib
import logging
import threading

import pytest
from django.test import override_settings
from fake_server import scope_of

from dddp.exceptions import ListenerError
from dddp.session.outbox import Outbox
from dddp.transports import sockjs_headers, sockjs_requests, sockjs_transports

A = "/sockjs/000/abcd1234"
KNOWN = {"origin": "http://example.com"}


@pytest.fixture
def polled(server, hub):
    """A session opened by xhr; no request waits."""

    async def open_session(path=A, **options):
        response = await server.http(f"{path}/xhr", "POST", **options)
        assert (response.status, response.body) == (200, b"o\n")
        return hub.sessions[-1]

    return open_session


@contextlib.asynccontextmanager
async def streaming(server, path=f"{A}/xhr_streaming", prelude=True, opening=True, **options):
    """A streaming response of which what comes first has been read."""
    async with server.request(path, "POST", **options) as request:
        assert (await request.head())[0] == 200
        if prelude:
            assert await request.piece() == "h" * 2048 + "\n"
        if opening:
            assert await request.piece() == "o\n"
        yield request


class TestPolling:
    async def test_opens_then_carries(self, server, polled):
        session = await polled()
        session.push_at_once('{"n":1}', '{"n":"ü"}')
        response = await server.http(f"{A}/xhr", "POST")
        assert response.body.decode() == 'a["{\\"n\\":1}","{\\"n\\":\\"ü\\"}"]\n'
        assert response.headers["content-type"] == "application/javascript; charset=UTF-8"
        assert "no-store" in response.headers["cache-control"]
        assert response.headers["x-accel-buffering"] == "no"

    async def test_waits(self, server, polled):
        session = await polled()
        async with server.request(f"{A}/xhr", "POST") as request:
            await asyncio.sleep(0)
            assert request.from_app.empty()
            session.push("x")
            await request.head()
            assert await request.piece() == 'a["x"]\n'
            assert await request.piece() is None

    async def test_the_next_poll_comes_with_the_end_of_the_last(self, server, polled):
        session = await polled()
        session.push("1")
        next_poll = []

        async def send(message):
            if message["type"] == "http.response.body" and not message["more_body"]:
                session.push("2")
                next_poll.append(await server.http(f"{A}/xhr", "POST"))

        await server.app(scope_of("http", f"{A}/xhr", method="POST"), asyncio.Queue().get, send)
        assert next_poll[0].body == b'a["2"]\n'

    async def test_heartbeat_ends_a_poll(self, server, polled):
        await polled()
        with override_settings(DDP_SOCKJS_HEARTBEAT_DELAY=0.01):
            assert (await server.http(f"{A}/xhr", "POST")).body == b"h\n"

    async def test_the_servers_part_of_the_path_says_nothing(self, server, polled):
        session = await polled()
        session.push("x")
        assert (await server.http("/sockjs/999/abcd1234/xhr", "POST")).body == b'a["x"]\n'

    async def test_between_polls_nobody_reads_slowly(self, server, polled):
        session = await polled()
        session.push("x")
        await server.http(f"{A}/xhr", "POST")
        session.outbox._clock = lambda: 1000.0
        session.outbox.check()
        assert session.outbox.close_code is None

    async def test_the_session_closes(self, server, polled):
        session = await polled()
        session.push("last")
        session.outbox.close(1000, "Normal closure")
        assert (await server.http(f"{A}/xhr", "POST")).body == b'a["last"]\n'
        for _ in range(2):
            closed = await server.http(f"{A}/xhr", "POST")
            assert closed.body == b'c[1000,"Normal closure"]\n'
        assert session.losses == 1
        assert (await server.http(f"{A}/xhr_send", "POST", b'["x"]')).status == 204
        assert session.received.empty()

    async def test_what_is_known_of_the_client(self, polled):
        session = await polled()
        assert session.info.transport == "xhr-polling"
        assert session.info.address == "192.0.2.7"


class TestStreaming:
    async def test_carries_many(self, server, hub):
        async with streaming(server) as request:
            hub.sessions[0].push("1")
            assert await request.piece() == 'a["1"]\n'
            hub.sessions[0].push("2")
            assert await request.piece() == 'a["2"]\n'

    async def test_heartbeats(self, server):
        with override_settings(DDP_SOCKJS_HEARTBEAT_DELAY=0.01):
            async with streaming(server) as request:
                assert await request.piece() == "h\n"
                assert await request.piece() == "h\n"

    async def test_ends_when_it_is_long(self, server, hub):
        with override_settings(DDP_SOCKJS_RESPONSE_BYTES=20):
            async with streaming(server) as request:
                hub.sessions[0].push("1" * 20)
                assert await request.piece() == f'a["{"1" * 20}"]\n'
                assert await request.piece() is None
            hub.sessions[0].push("2")
            async with streaming(server, opening=False) as request:
                assert await request.piece() == 'a["2"]\n'

    async def test_the_session_closes(self, server, hub):
        async with streaming(server) as request:
            hub.sessions[0].outbox.close(1012, "Restart")
            assert await request.piece() == 'c[1012,"Restart"]\n'
            assert await request.piece() is None

    async def test_eventsource(self, server, hub):
        async with server.request(f"{A}/eventsource") as request:
            _, headers = await request.head()
            assert headers["content-type"] == "text/event-stream; charset=UTF-8"
            assert await request.piece() == "\r\n"
            assert await request.piece() == "data: o\r\n\r\n"
            hub.sessions[0].push("5%")
            assert await request.piece() == 'data: a["5%25"]\r\n\r\n'

    async def test_htmlfile(self, server, hub):
        async with server.request(f"{A}/htmlfile", query_string=b"c=%63b") as request:
            _, headers = await request.head()
            assert headers["content-type"] == "text/html; charset=UTF-8"
            assert "var c = parent.cb;" in await request.piece()
            assert await request.piece() == '<script>\np("o");\n</script>\r\n'

    async def test_jsonp(self, server, hub):
        opened = await server.http(f"{A}/jsonp", query_string=b"callback=cb")
        assert opened.body == b'/**/cb("o");\r\n'
        assert opened.headers["x-content-type-options"] == "nosniff"
        hub.sessions[0].push("x")
        response = await server.http(f"{A}/jsonp", query_string=b"c=cb")
        assert response.body == b'/**/cb("a[\\"x\\"]");\r\n'

    @pytest.mark.parametrize("name", ["jsonp", "htmlfile"])
    @pytest.mark.parametrize(
        ("query", "message"),
        [
            (b"", b'"callback" parameter required'),
            (b"c=", b'invalid "callback" parameter'),
            (b"c=a%28", b'invalid "callback" parameter'),
            (b"c=" + b"a" * 33, b'invalid "callback" parameter'),
        ],
    )
    async def test_callbacks(self, server, hub, name, query, message):
        response = await server.http(f"{A}/{name}", query_string=query)
        assert (response.status, response.body) == (500, message)
        assert hub.sessions == []


class TestLeaving:
    async def test_two_at_once(self, server, hub):
        async with streaming(server) as request:
            second = await server.http(f"{A}/xhr", "POST")
            assert second.body == b'c[2010,"Another connection still open"]\n'
            hub.sessions[0].push("x")
            assert await request.piece() == 'a["x"]\n'

    async def test_a_client_leaves_its_stream(self, server, hub):
        async with streaming(server) as request:
            request.disconnect()
            await request.task
        assert hub.sessions[0].losses == 1
        again = await server.http(f"{A}/xhr", "POST")
        assert again.body == b'c[1002,"Connection interrupted"]\n'
        assert len(hub.sessions) == 1

    async def test_a_client_leaves_its_poll(self, server, polled):
        session = await polled()
        async with server.request(f"{A}/xhr", "POST") as request:
            await asyncio.sleep(0)
            request.disconnect()
            await request.task
        assert session.losses == 1

    async def test_a_client_leaves_while_it_is_written_to(self, server, polled):
        """What is written then, servers drop in silence; the next poll must not go on behind it."""
        session = await polled()
        async with server.request(f"{A}/xhr", "POST") as request:
            await asyncio.sleep(0)
            session.push("lost")
            request.disconnect()
            await request.task
        assert session.losses == 1
        again = await server.http(f"{A}/xhr", "POST")
        assert again.body == b'c[1002,"Connection interrupted"]\n'

    async def test_the_socket_is_found_lost_on_sending(self, server, hub, caplog):
        async with streaming(server) as request:
            request.failure = OSError("gone")
            hub.sessions[0].push("x")
            await request.task
        assert hub.sessions[0].losses == 1
        assert caplog.text == ""

    async def test_no_poll_comes(self, server, hub):
        with override_settings(DDP_SOCKJS_DISCONNECT_DELAY=0.01):
            await server.http(f"{A}/xhr", "POST")
            async with asyncio.timeout(5):
                while not hub.sessions[0].losses:  # noqa: ASYNC110, there is no event for it
                    await asyncio.sleep(0.005)

    async def test_an_ended_session_is_forgotten(self, server, hub):
        with override_settings(DDP_SOCKJS_DISCONNECT_DELAY=0):
            async with streaming(server) as request:
                request.disconnect()
                await request.task
            async with streaming(server):
                assert len(hub.sessions) == 2

    async def test_given_up_on_while_a_write_is_stuck(self, server, hub):
        async with streaming(server) as request:
            request.writable.clear()
            request.sending.clear()
            hub.sessions[0].push("x")
            await request.sending.wait()
            hub.sessions[0].outbox.abort(1013, "Client reads too slowly")
            request.writable.set()
            assert await request.piece() == 'c[1013,"Client reads too slowly"]\n'
            assert await request.piece() is None
        assert hub.sessions[0].losses == 1

    @pytest.mark.parametrize("stuck", [True, False])
    async def test_the_session_goes_on_with_another_connection(self, server, hub, stuck):
        async with streaming(server) as request:
            session = hub.sessions[0]
            if stuck:
                request.writable.clear()
                request.sending.clear()
                session.push("x")
                await request.sending.wait()
            before, session.outbox = session.outbox, Outbox(1000, 30.0, lambda: 0.0)
            session.outbox.close(1000, "Normal closure")
            before.dismiss()
            request.writable.set()
            assert await request.piece() == 'c[1000,"Normal closure"]\n'
            assert await request.piece() is None

    async def test_the_client_resumes_another_session(self, server, hub, polled):
        session = await polled()
        async with server.request(f"{A}/xhr", "POST") as request:
            await asyncio.sleep(0)
            before, session.outbox = session.outbox, Outbox(1000, 30.0, lambda: 0.0)
            before.hand_over()
            session.push("resumed")
            await request.head()
            assert await request.piece() == 'a["resumed"]\n'

    async def test_given_up_on_between_polls(self, server, polled):
        session = await polled()
        session.outbox.abort(1013, "Client reads too slowly")
        response = await server.http(f"{A}/xhr", "POST")
        assert response.body == b'c[1013,"Client reads too slowly"]\n'

    async def test_the_server_stops(self, server, hub):
        others = asyncio.all_tasks()
        async with streaming(server) as request:
            request.task.cancel()
            await asyncio.wait([request.task])
            assert asyncio.all_tasks() == others
        assert hub.sessions[0].losses == 1

    async def test_nothing_is_left_running(self, server):
        others = asyncio.all_tasks()
        async with streaming(server) as request:
            request.disconnect()
            await request.task
            assert asyncio.all_tasks() == others


class TestSending:
    async def test_messages(self, server, polled):
        session = await polled()
        response = await server.http(f"{A}/xhr_send", "POST", b'["a","b"]')
        assert (response.status, response.body) == (204, b"")
        assert response.headers["content-type"] == "text/plain; charset=UTF-8"
        assert [session.received.get_nowait() for _ in range(2)] == ["a", "b"]

    @pytest.mark.parametrize(
        ("body", "message"),
        [
            (b"", b"Payload expected."),
            (b'"a"', b"Payload expected."),
            (b"[1]", b"Payload expected."),
            (b'["a', b"Broken JSON encoding."),
            (b"\xff", b"Broken JSON encoding."),
            (b"[" * 100_000, b"Broken JSON encoding."),
        ],
    )
    async def test_what_is_none(self, server, polled, body, message):
        session = await polled()
        response = await server.http(f"{A}/xhr_send", "POST", body)
        assert (response.status, response.body) == (500, message)
        assert session.losses == 0

    @pytest.mark.parametrize(
        ("kind", "body"),
        [
            ("application/x-www-form-urlencoded", b"d=%5B%22a+%25%22%5D"),
            ("text/plain", b'["a %"]'),
        ],
    )
    async def test_forms(self, server, polled, kind, body):
        session = await polled()
        headers = {"content-type": kind}
        response = await server.http(f"{A}/jsonp_send", "POST", body, headers=headers)
        assert (response.status, response.body) == (200, b"ok")
        assert session.received.get_nowait() == "a %"

    async def test_a_long_form_holds_nobody_up(self, server, polled, monkeypatch):
        session, others_go_on = await polled(), threading.Event()
        parse = sockjs_requests.parse_qs

        def parse_at_length(*args, **options):
            assert others_go_on.wait(10)
            return parse(*args, **options)

        monkeypatch.setattr(sockjs_requests, "parse_qs", parse_at_length)
        text = "x" * 100_000
        headers = {"content-type": "application/x-www-form-urlencoded"}
        body = b"d=%5B%22" + text.encode() + b"%22%5D"
        request = asyncio.create_task(server.http(f"{A}/jsonp_send", "POST", body, headers=headers))
        for _ in range(3):
            await asyncio.sleep(0)
        others_go_on.set()
        assert (await request).status == 200
        assert session.received.get_nowait() == text

    @pytest.mark.parametrize("body", [b"", b"d=", b"p=p", b"&".join([b"d=[]"] * 100), b"\xff"])
    async def test_forms_without_messages(self, server, polled, body):
        await polled()
        headers = {"content-type": "application/x-www-form-urlencoded"}
        response = await server.http(f"{A}/jsonp_send", "POST", body, headers=headers)
        assert (response.status, response.body) == (500, b"Payload expected.")

    @pytest.mark.parametrize("body", [b'["' + b"x" * 101 + b'"]', b" " * 2000])
    async def test_too_big(self, server, polled, body):
        with override_settings(DDP_MAX_MESSAGE_BYTES=100):
            session = await polled()
            async with server.request(f"{A}/xhr", "POST") as request:
                await asyncio.sleep(0)
                assert (await server.http(f"{A}/xhr_send", "POST", body)).status == 413
                await request.head()
                assert await request.piece() == 'c[1009,"Message too big"]\n'
        assert session.losses == 1

    async def test_bodies_wait_for_each_other(self, server, polled):
        session = await polled()
        session.receiving.clear()
        first = asyncio.create_task(server.http(f"{A}/xhr_send", "POST", b'["1","2"]'))
        second = asyncio.create_task(server.http(f"{A}/xhr_send", "POST", b'["3"]'))
        assert await session.received.get() == "1"
        await asyncio.sleep(0.01)
        assert session.received.empty()
        assert not second.done()
        session.receiving.set()
        await first
        await second
        assert [session.received.get_nowait() for _ in range(2)] == ["2", "3"]

    async def test_a_client_leaves_in_the_middle(self, server, polled):
        session = await polled()
        async with server.request(f"{A}/xhr_send", "POST") as request:
            request.to_app.get_nowait()
            request.to_app.put_nowait({"type": "http.request", "body": b'["', "more_body": True})
            request.disconnect()
            await request.task
        assert session.received.empty()
        assert session.losses == 0

    async def test_the_session_fails(self, server, polled, caplog):
        session = await polled()
        session.failure = RuntimeError("bug")
        assert (await server.http(f"{A}/xhr_send", "POST", b'["x"]')).status == 500
        assert "bug" in caplog.text
        assert (await server.http(f"{A}/xhr", "POST")).body == b'c[1011,"Internal error"]\n'

    @pytest.mark.parametrize("name", ["xhr_send", "jsonp_send"])
    async def test_no_session(self, server, name, caplog, monkeypatch):
        complaint = sockjs_transports.Complaint(sockjs_transports.STICKY)
        monkeypatch.setattr(sockjs_transports, "UNKNOWN_SESSION", complaint)
        for _ in range(2):
            response = await server.http(f"{A}/{name}", "POST", b'["x"]')
            assert response.status == 404
        assert caplog.text.count("make the balancer do so") == 1


class TestWhoMay:
    @pytest.mark.parametrize(
        "headers",
        [
            {"origin": "https://evil.org"},
            {"sec-fetch-site": "cross-site"},
            {"sec-fetch-site": "same-site"},
            {"sec-fetch-site": "cross-site", "referer": "https://evil.org/example.com"},
            {"referer": "https://evil.org/"},
            {"referer": "https://[evil"},
        ],
    )
    @pytest.mark.parametrize("name", ["eventsource", "jsonp"])
    async def test_pages_of_others_may_not(self, server, hub, name, headers):
        response = await server.http(f"{A}/{name}", headers=headers, query_string=b"c=x")
        assert response.status == 403
        assert hub.sessions == []

    async def test_nor_send(self, server, polled):
        session = await polled()
        headers = {"origin": "https://evil.org"}
        assert (await server.http(f"{A}/xhr_send", "POST", b'["x"]', headers=headers)).status == 403
        assert session.received.empty()

    @pytest.mark.parametrize(
        ("headers", "count"),
        [
            ({"origin": "http://example.com"}, True),
            ({"sec-fetch-site": "same-origin"}, True),
            ({"referer": "http://example.com/page"}, True),
            ({}, False),
            ({"sec-fetch-site": "none"}, False),
        ],
    )
    async def test_cookies_count_where_the_page_is_known(self, server, hub, headers, count):
        headers = {"cookie": "sessionid=1", "authorization": "x", "user-agent": "y", **headers}
        await server.http(f"{A}/jsonp", headers=headers, query_string=b"c=x")
        names = {name for name, _ in hub.sessions[0].info.headers}
        assert b"user-agent" in names
        assert ({b"cookie", b"authorization"} <= names) == count
        assert (names & {b"cookie", b"authorization"} != set()) == count

    async def test_an_allowed_site(self, server):
        headers = {"origin": "https://a.org", "access-control-request-headers": "x-a"}
        with override_settings(DDP_ALLOWED_ORIGINS=["https://a.org"]):
            response = await server.http(f"{A}/xhr", "POST", headers=headers)
            assert response.body == b"o\n"
            assert response.headers["access-control-allow-origin"] == "https://a.org"
            assert response.headers["access-control-allow-credentials"] == "true"
            assert response.headers["access-control-allow-headers"] == "x-a"
            asked = await server.http(f"{A}/xhr", "OPTIONS", headers=headers)
        assert (asked.status, asked.body) == (204, b"")
        assert asked.headers["access-control-allow-methods"] == "OPTIONS, POST"
        assert asked.headers["access-control-max-age"] == "31536000"

    @pytest.mark.parametrize("cookie", [None, "sessionid=2", "a=b"])
    async def test_a_session_is_its_browsers(self, server, polled, cookie):
        session = await polled(headers={"cookie": "sessionid=1", **KNOWN})
        session.push("secret")
        others = {"cookie": cookie, **KNOWN}
        assert (await server.http(f"{A}/xhr", "POST", headers=others)).status == 404
        sent = await server.http(f"{A}/xhr_send", "POST", b'["x"]', headers=others)
        assert sent.status == 404
        assert session.received.empty()
        own = {"cookie": "a=b; sessionid=1", **KNOWN}
        assert (await server.http(f"{A}/xhr", "POST", headers=own)).body == b'a["secret"]\n'

    async def test_wrong_host(self, server, hub):
        assert (await server.http(f"{A}/xhr", "POST", host="evil.org")).status == 400
        assert hub.sessions == []

    def test_no_host_at_all(self):
        scope = scope_of("http", "/", host="evil.org", headers={"referer": "http:///"})
        assert not sockjs_headers.page_is_known(scope)


class TestBounds:
    async def test_number_of_sessions(self, server, hub, caplog, monkeypatch):
        monkeypatch.setattr(sockjs_transports, "FULL", sockjs_transports.Complaint("Too many."))
        with override_settings(DDP_SOCKJS_SESSIONS=1):
            async with streaming(server):
                for _ in range(2):
                    refused = await server.http("/sockjs/000/other/xhr", "POST")
                    assert refused.status == 503
        assert len(hub.sessions) == 1
        assert caplog.text.count("Too many.") == 1
        assert (await server.http("/sockjs/000/other/xhr", "POST")).status == 200

    async def test_no_change_feed(self, server, hub, caplog):
        hub.failure = ListenerError("PostgreSQL is away.")
        assert (await server.http(f"{A}/xhr", "POST")).status == 503
        assert hub.sessions == []
        assert "PostgreSQL is away." in caplog.text

    async def test_two_first_requests(self, server, hub):
        requests = [server.http(f"{A}/xhr", "POST") for _ in range(2)]
        bodies = {response.body for response in await asyncio.gather(*requests)}
        assert b"o\n" in bodies
        assert len(hub.sessions) == 1


class TestCookie:
    @pytest.mark.parametrize(
        ("sent", "set_cookie"),
        [
            (None, "JSESSIONID=dummy; path=/; HttpOnly"),
            ("JSESSIONID=ab-c.1", "JSESSIONID=ab-c.1; path=/; HttpOnly"),
            ('JSESSIONID="a b"', "JSESSIONID=dummy; path=/; HttpOnly"),
        ],
    )
    async def test_told_with_each_answer(self, server, sent, set_cookie):
        with override_settings(DDP_SOCKJS_COOKIE=True):
            response = await server.http(f"{A}/xhr", "POST", headers={"cookie": sent})
        assert response.headers["set-cookie"] == set_cookie

    async def test_off_by_default(self, server):
        assert "set-cookie" not in (await server.http(f"{A}/xhr", "POST")).headers


async def test_failures_are_logged(server, hub, caplog):
    async with streaming(server) as request:
        request.failure = ValueError("a bug")
        hub.sessions[0].push("x")
        await request.task
    assert [record.levelno for record in caplog.records] == [logging.ERROR]
    assert hub.sessions[0].losses == 1
