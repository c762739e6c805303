import asyncio
import contextlib

import pytest
from django.test import override_settings

from dddp.exceptions import ListenerError
from dddp.session.outbox import Outbox
from dddp.transports import websocket

RAW = "/websocket"
FRAMED = "/sockjs/123/abcd1234/websocket"
BOTH = pytest.mark.parametrize("path", [RAW, FRAMED])


@contextlib.asynccontextmanager
async def talking(server, hub, path=RAW):
    """An accepted connection and its session."""
    async with server.websocket(path) as socket:
        await socket.accepted()
        if path == FRAMED:
            assert await socket.text() == "o"
        yield socket, hub.sessions[-1]


async def stick(socket, session):
    """Let the sending of a message "1" hang."""
    socket.writable.clear()
    socket.sending.clear()
    session.push("1")
    await socket.sending.wait()


class TestRaw:
    async def test_each_message_is_one_ddp_message(self, server, hub):
        async with talking(server, hub) as (socket, session):
            socket.send('{"msg":"ping"}')
            socket.send(b'{"msg":"pong"}')
            assert await session.received.get() == '{"msg":"ping"}'
            assert await session.received.get() == b'{"msg":"pong"}'

    async def test_frames_go_out_in_order(self, server, hub):
        async with talking(server, hub) as (socket, session):
            session.push('{"n":1}', '{"n":2}')
            session.push('{"n":"ü"}')
            assert [await socket.text() for _ in range(3)] == ['{"n":1}', '{"n":2}', '{"n":"ü"}']

    async def test_nothing_is_sent_unasked(self, server, hub):
        async with talking(server, hub) as (socket, session):
            socket.send("x")
            await session.received.get()
            assert socket.from_app.empty()

    async def test_the_session_closes(self, server, hub):
        async with talking(server, hub) as (socket, session):
            session.push("last")
            session.outbox.close(1000, "Normal closure")
            assert await socket.text() == "last"
            assert await socket.closed() == (1000, "Normal closure")
            await socket.task
        assert session.losses == 1


class TestSockJS:
    async def test_messages_are_unwrapped(self, server, hub):
        async with talking(server, hub, FRAMED) as (socket, session):
            for frame in ('["a","b"]', "", "[]", '"c"', b'["d"]'):
                socket.send(frame)
            assert [await session.received.get() for _ in range(4)] == ["a", "b", "c", "d"]

    async def test_one_frame_for_each_message(self, server, hub):
        async with talking(server, hub, FRAMED) as (socket, session):
            session.push('{"n":1}', '{"n":2}')
            assert await socket.text() == r'a["{\"n\":1}"]'
            assert await socket.text() == r'a["{\"n\":2}"]'

    async def test_close_frame_before_the_close(self, server, hub):
        async with talking(server, hub, FRAMED) as (socket, session):
            session.outbox.close(1000, "Normal closure")
            assert await socket.text() == 'c[1000,"Normal closure"]'
            assert await socket.closed() == (1000, "Normal closure")

    @pytest.mark.parametrize("frame", ["x", "{}", "[1]", b"\xff"])
    async def test_broken_framing(self, server, hub, frame):
        async with talking(server, hub, FRAMED) as (socket, session):
            socket.send(frame)
            assert await socket.text() == 'c[3000,"Broken framing."]'
            assert await socket.closed() == (3000, "Broken framing.")
        assert session.received.empty()
        assert session.losses == 1


class Gate:
    """In place of `Socket.writable`: the second send waits until it is opened."""

    def __init__(self):
        self.sends = 0
        self.reached = asyncio.Event()
        self.opened = asyncio.Event()

    async def wait(self):
        self.sends += 1
        if self.sends == 2:
            self.reached.set()
            await self.opened.wait()


class TestResuming:
    async def test_while_the_opening_is_sent(self, server, hub):
        """Behind it the outbox is looked for again: nothing comes out of the old one any more."""
        async with server.websocket(FRAMED) as socket:
            gate = socket.writable = Gate()
            await socket.accepted()
            await gate.reached.wait()
            session = hub.sessions[-1]
            before, session.outbox = session.outbox, Outbox(1000, 30.0, lambda: 0.0)
            before.hand_over()
            gate.opened.set()
            session.push("resumed")
            assert await socket.text() == "o"
            assert await socket.text() == 'a["resumed"]'


class TestTooBig:
    @BOTH
    @pytest.mark.parametrize(("message", "fits"), [("x" * 100, True), ("ü" * 51, False)])
    async def test_limit_in_bytes(self, server, hub, path, message, fits):
        with override_settings(DDP_MAX_MESSAGE_BYTES=100):
            async with talking(server, hub, path) as (socket, session):
                socket.send(message if path == RAW else f'["{message}"]')
                if fits:
                    assert await session.received.get() == message
                    return
                if path == FRAMED:
                    assert await socket.text() == 'c[1009,"Message too big"]'
                assert await socket.closed() == (1009, "Message too big")
                assert session.received.empty()

    async def test_frame_far_too_big_is_not_parsed(self, server, hub):
        with override_settings(DDP_MAX_MESSAGE_BYTES=100):
            async with talking(server, hub, FRAMED) as (socket, _):
                socket.send("[" * 100_000)
                assert await socket.text() == 'c[1009,"Message too big"]'


class TestEnds:
    @BOTH
    async def test_client_goes(self, server, hub, path):
        others = asyncio.all_tasks()
        async with talking(server, hub, path) as (socket, session):
            socket.disconnect()
            await socket.task
            assert session.losses == 1
            assert asyncio.all_tasks() == others

    async def test_client_goes_while_its_message_waits(self, server, hub):
        async with talking(server, hub) as (socket, session):
            session.receiving.clear()
            socket.send("x")
            await session.received.get()
            session.outbox.close(1000, "")
            assert await socket.closed() == (1000, "")
            await socket.task
        assert session.losses == 1

    @pytest.mark.parametrize("error", [OSError("gone"), RuntimeError("after close")])
    async def test_socket_is_found_lost_on_sending(self, server, hub, error):
        async with talking(server, hub) as (socket, session):
            socket.failure = error
            session.push("x")
            await socket.task
        assert session.losses == 1

    async def test_server_stops(self, server, hub):
        others = asyncio.all_tasks()
        async with talking(server, hub) as (socket, session):
            socket.task.cancel()
            await asyncio.wait([socket.task])
            assert socket.task.cancelled()
            assert session.losses == 1
            assert asyncio.all_tasks() == others
            assert socket.from_app.empty()

    async def test_a_bug_closes_this_connection_and_is_logged(self, server, hub, caplog):
        async with talking(server, hub) as (socket, session):
            session.failure = ValueError("a bug")
            socket.send("x")
            assert await socket.closed() == (1011, "Internal error")
        assert session.losses == 1
        assert "a bug" in caplog.text


class TestFairness:
    async def test_much_for_one_does_not_keep_another_waiting(self, server, hub):
        """Sending suspends nowhere here, as where the kernel takes all."""
        async with talking(server, hub) as (busy, much), talking(server, hub) as (socket, session):
            much.push_at_once(*["x"] * 10_000)
            await busy.sending.wait()
            session.push("pong")
            assert await socket.text() == "pong"
            assert busy.from_app.qsize() < 1000
            assert [await busy.text() for _ in range(10_000)] == ["x"] * 10_000


class TestSlowClient:
    async def test_reading_waits_for_the_session(self, server, hub):
        async with talking(server, hub) as (socket, session):
            session.receiving.clear()
            socket.send("1")
            socket.send("2")
            assert await session.received.get() == "1"
            assert socket.to_app.qsize() == 1
            session.receiving.set()
            assert await session.received.get() == "2"

    async def test_writing_waits_for_the_client(self, server, hub):
        async with talking(server, hub) as (socket, session):
            await stick(socket, session)
            session.push("2")
            socket.writable.set()
            assert [await socket.text(), await socket.text()] == ["1", "2"]

    async def test_given_up_on(self, server, hub):
        """Over the outbox's limit while a send hangs: what waits is dropped, the close goes out."""
        async with talking(server, hub) as (socket, session):
            await stick(socket, session)
            session.push("2" * 2000, "3" * 2000)
            session.outbox.abort(1013, "twice")
            socket.writable.set()
            assert await socket.closed() == (1013, "Client reads too slowly")
        assert session.losses == 1

    async def test_a_close_that_hangs_is_left(self, server, hub, monkeypatch):
        monkeypatch.setattr(websocket, "CLOSE_SECONDS", 0.01)
        async with talking(server, hub) as (socket, session):
            await stick(socket, session)
            session.outbox.abort(1013, "too slow")
            await socket.task
            assert session.losses == 1


class TestHandshake:
    @pytest.mark.parametrize("path", ["/websocket", "/websocket/", "/sockjs/websocket"])
    async def test_raw_paths(self, server, hub, path):
        async with server.websocket(path) as socket:
            await socket.accepted()
        assert hub.sessions[0].info.transport == "websocket"

    async def test_what_is_known_of_the_client(self, server, hub):
        scope = {"scheme": "wss", "headers": {"user-agent": "x"}, "path": FRAMED}
        async with server.websocket(**scope) as socket:
            await socket.accepted()
        info = hub.sessions[0].info
        assert (info.address, info.secure) == ("192.0.2.7", True)
        assert info.transport == "sockjs-websocket"
        assert info.headers == ((b"host", b"example.com"), (b"user-agent", b"x"))

    async def test_unknown_address(self, server, hub):
        async with server.websocket(client=None) as socket:
            await socket.accepted()
        assert hub.sessions[0].info.address == ""

    async def test_the_hub_starts_with_the_first_client(self, server, hub):
        async with server.websocket() as socket:
            await socket.accepted()
        assert hub.calls == ["start"]

    async def test_no_change_feed(self, server, hub, caplog):
        hub.failure = ListenerError("PostgreSQL is away.")
        async with server.websocket() as socket:
            assert await socket.refused() == 503
        assert hub.sessions == []
        assert "PostgreSQL is away." in caplog.text

    async def test_no_session_path(self, server, hub):
        async with server.websocket("/sockjs/123/abcd.efgh/websocket") as socket:
            assert await socket.refused() == 404
        assert hub.sessions == []

    async def test_wrong_host(self, server, hub, caplog):
        async with server.websocket(host="evil.example") as socket:
            assert await socket.refused() == 400
        assert "You may need to add 'evil.example' to ALLOWED_HOSTS" in caplog.text

    async def test_wrong_origin(self, server, hub, caplog):
        headers = {"origin": "https://evil.example"}
        async with server.websocket(headers=headers) as socket:
            assert await socket.refused() == 403
        assert "add this origin to DDP_ALLOWED_ORIGINS" in caplog.text

    async def test_server_that_can_only_close(self, server, hub):
        async with server.websocket(host="evil.example", extensions={}) as socket:
            assert await socket.closed() == (None, None)
