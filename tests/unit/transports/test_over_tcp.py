"""A real WebSocket server around a hub without a database: uvicorn's own class and ours."""

import asyncio
import contextlib
import gc
import socket
import struct

import pytest
import uvicorn
import websockets
from django.test import override_settings
from fake_server import FakeHub
from websockets.extensions.permessage_deflate import ClientPerMessageDeflateFactory

from dddp.asgi import DDPApplication
from dddp.protocol.frames import Document
from dddp.transports import direct
from dddp.transports.framing import websocket_limit
from dddp.transports.upgrade import WebSocketProtocol

RAW, FRAMED = "/websocket", "/sockjs/123/abcd1234/websocket"
CLASSES = {"plain": "websockets-sansio", "direct": WebSocketProtocol}
MASK = b"\0\0\0\0"
LIMIT = 100_000
"""Of a DDP message."""


async def project(scope, receive, send):
    """Echoes a WebSocket, and answers HTTP."""
    if scope["type"] == "http":
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"the project"})
    elif scope["type"] == "websocket":
        await receive()
        await send({"type": "websocket.accept"})
        while (message := await receive())["type"] == "websocket.receive":
            await send({"type": "websocket.send", "text": message["text"]})
    else:
        raise NotImplementedError


class Served:
    """A uvicorn in this event loop; `hub.sessions` are its connections."""

    def __init__(self, protocol, app=None):
        self.hub = FakeHub()
        config = uvicorn.Config(
            app or DDPApplication(project, self.hub),
            ws=CLASSES[protocol],
            ws_max_size=websocket_limit(LIMIT),
            ws_ping_interval=None,
            ws_per_message_deflate=False,
            lifespan="off",
            log_config=None,
            timeout_graceful_shutdown=5,
        )
        self.server = uvicorn.Server(config)
        self.socket = socket.socket()
        self.socket.bind(("127.0.0.1", 0))
        self.port = self.socket.getsockname()[1]

    @contextlib.asynccontextmanager
    async def running(self):
        config = self.server.config
        config.load()
        self.server.lifespan = config.lifespan_class(config)
        self.socket.listen()
        await self.server.startup(sockets=[self.socket])
        try:
            yield self
        finally:
            await self.server.shutdown(sockets=[self.socket])

    def connect(self, path=RAW, **options):
        options = {"compression": None, "ping_interval": None, **options}
        return websockets.connect(f"ws://127.0.0.1:{self.port}{path}", **options)

    @contextlib.asynccontextmanager
    async def raw(self, path=RAW, headers=(), sock=None):
        """(reader, writer) behind an accepted handshake, and the head of the answer."""
        address = ("127.0.0.1", self.port) if sock is None else ()
        reader, writer = await asyncio.open_connection(*address, sock=sock)
        writer.write(self.request(path, headers))
        head = await reader.readuntil(b"\r\n\r\n")
        try:
            yield reader, writer, head.decode()
        finally:
            writer.transport.abort()

    def request(self, path=RAW, headers=()):
        lines = [
            f"GET {path} HTTP/1.1",
            f"Host: 127.0.0.1:{self.port}",
            "Upgrade: websocket",
            "Connection: Upgrade",
            "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
            "Sec-WebSocket-Version: 13",
            *headers,
        ]
        return "\r\n".join([*lines, "", ""]).encode()

    @property
    def session(self):
        return self.hub.sessions[-1]


@pytest.fixture(params=CLASSES)
async def served(request):
    settings = {"ALLOWED_HOSTS": ["127.0.0.1"], "DDP_MAX_MESSAGE_BYTES": LIMIT}
    with override_settings(**settings):
        async with Served(request.param).running() as served:
            yield served


@pytest.fixture
async def served_directly():
    with override_settings(ALLOWED_HOSTS=["127.0.0.1"], DDP_MAX_MESSAGE_BYTES=LIMIT):
        async with Served("direct").running() as served:
            yield served


def masked(payload, first=0x81):
    size = len(payload)
    if size < 126:
        return bytes((first, 0x80 | size)) + MASK + payload
    if size < 65536:
        return bytes((first, 0xFE)) + struct.pack("!H", size) + MASK + payload
    return bytes((first, 0xFF)) + struct.pack("!Q", size) + MASK + payload


async def read_frame(reader):
    """(first byte, payload) of a short frame."""
    first, size = await reader.readexactly(2)
    if size == 126:
        (size,) = struct.unpack("!H", await reader.readexactly(2))
    return first, await reader.readexactly(size)


async def lost(session, times=200):
    """Wait until the session is told."""
    for _ in range(times):
        if session.losses:
            return
        await asyncio.sleep(0.01)
    pytest.fail("the session was not told")


class TestMessages:
    async def test_both_ways(self, served):
        async with served.connect() as client:
            await client.send('{"msg":"ping"}')
            await client.send(b"binary")
            await client.send(["in ", "parts ", "ü"])
            received = [await served.session.received.get() for _ in range(3)]
            assert received == ['{"msg":"ping"}', b"binary", "in parts ü"]
            served.session.push("1", "2")
            await asyncio.sleep(0)
            served.session.push("3")
            assert [await client.recv() for _ in range(3)] == ["1", "2", "3"]

    async def test_in_the_frames_of_sockjs(self, served):
        async with served.connect(FRAMED) as client:
            assert await client.recv() == "o"
            await client.send('["a","b"]')
            assert [await served.session.received.get() for _ in range(2)] == ["a", "b"]
            served.session.push('{"n":1}')
            assert await client.recv() == r'a["{\"n\":1}"]'
            served.session.outbox.close(1000, "Bye")
            assert await client.recv() == 'c[1000,"Bye"]'
            await client.wait_closed()
            assert (client.close_code, client.close_reason) == (1000, "Bye")

    async def test_a_long_queue_and_a_short_one(self, served):
        async with served.connect() as busy, served.connect() as other:
            much, little = served.hub.sessions
            texts = [f"{n:0>500}" for n in range(5_000)]
            much.push_at_once(*texts)
            little.push("now")
            assert await other.recv() == "now"
            assert [await busy.recv() for _ in texts] == texts

    async def test_more_than_the_session_wants_is_read_later(self, served):
        async with served.connect() as client:
            await client.send("first")
            assert await served.session.received.get() == "first"
            served.session.receiving.clear()
            for n in range(50):
                await client.send(str(n))
            assert await served.session.received.get() == "0"
            await asyncio.sleep(0.05)
            assert served.session.received.empty()
            served.session.receiving.set()
            assert [await served.session.received.get() for _ in range(49)] == [
                str(n) for n in range(1, 50)
            ]

    async def test_pings_are_answered(self, served):
        async with served.connect() as client:
            await asyncio.wait_for(await client.ping("x"), 5)

    async def test_pings_are_answered_between_fragments(self, served):
        async with served.raw() as (reader, writer, _):
            writer.write(masked(b"a", 0x01) + masked(b"p", 0x89) + masked(b"b", 0x80))
            assert await read_frame(reader) == (0x8A, b"p")
            assert await served.session.received.get() == "ab"


class TestEnds:
    async def test_the_session_closes(self, served):
        async with served.connect() as client:
            served.session.push("last")
            served.session.outbox.close(1000, "Normal closure")
            assert await client.recv() == "last"
            await client.wait_closed()
            assert (client.close_code, client.close_reason) == (1000, "Normal closure")
            await lost(served.session)

    async def test_the_client_closes(self, served):
        async with served.connect() as client:
            await client.close(4000, "enough")
            assert client.close_code == 4000
            await lost(served.session)

    async def test_the_client_is_cut_off(self, served):
        async with served.connect() as client:
            client.transport.abort()
            await lost(served.session)

    async def test_the_client_goes_without_a_close(self, served):
        async with served.raw() as (reader, writer, _):
            writer.write_eof()
            assert await reader.read() == b""
            await lost(served.session)

    async def test_while_its_messages_wait(self, served):
        async with served.connect() as client:
            await client.send("x")
            await served.session.received.get()
            served.session.receiving.clear()
            await client.send("y")
            await served.session.received.get()
            served.session.outbox.close(1000, "")
            await client.wait_closed()
            assert client.close_code == 1000
            await lost(served.session)

    async def test_the_server_stops(self, served):
        async with served.connect() as client:
            await served.server.shutdown(sockets=[])
            await client.wait_closed()
            assert client.close_code == 1012
            await lost(served.session)
            assert not served.server.server_state.connections

    async def test_a_bug(self, served, caplog):
        async with served.connect() as client:
            served.session.failure = ValueError("a bug")
            await client.send("x")
            await client.wait_closed()
            assert client.close_code == 1011
            await lost(served.session)
        assert "a bug" in caplog.text

    @pytest.mark.parametrize(
        ("sent", "code"),
        [
            (b"\x81\x01x", 1002),
            (masked(b"x", 0x83), 1002),
            (masked(b"x", 0xC1), 1002),
            (masked(b"x", 0x80), 1002),
            (masked(b"\xed\xa0\x80"), 1007),
            (masked(b"x" * (LIMIT + 1)), 1009),
            (masked(b"x" * 400_000), 1009),
            (b"\x81\xff" + b"\x7f" * 8 + MASK, 1009),
        ],
        ids=["unmasked", "opcode", "reserved", "fragment", "utf8", "limit", "far", "huge"],
    )
    async def test_what_no_client_may_send(self, served, sent, code):
        async with served.raw() as (reader, writer, _):
            writer.write(sent)
            assert await read_frame(reader) == (0x88, AnyReason(code))
            await lost(served.session)
            assert served.session.received.empty()


class AnyReason:
    """Equal to the payload of a close with this code."""

    def __init__(self, code):
        self.code = code

    def __eq__(self, payload):
        return payload[:2] == self.code.to_bytes(2, "big")


class TestSlowClient:
    @pytest.fixture
    async def slow(self, served):
        """One that does not read: (session, its writer)."""
        sock = socket.socket()
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        sock.setblocking(False)
        await asyncio.get_running_loop().sock_connect(sock, ("127.0.0.1", served.port))
        async with served.raw(sock=sock) as (reader, writer, _):
            writer.transport.pause_reading()
            yield served.session, reader, writer

    async def fill(self, session):
        """Push until what is pushed has to wait in the outbox."""
        for _ in range(10_000):
            session.push("x" * 900)
            await asyncio.sleep(0)
            if session.outbox.size or session.outbox.closed:
                return

    async def test_over_its_limit_it_is_given_up(self, slow):
        session, _, _ = slow
        await self.fill(session)
        session.push("y" * 2000, "z" * 2000)
        assert session.outbox.close_code == 1013
        await lost(session)

    async def test_who_pushes_too_much_does_not_end_it_in_the_midst_of_that(self, slow):
        session, _, _ = slow
        await self.fill(session)
        session.push("y" * 2000, "z" * 2000)
        assert session.outbox.closed
        assert session.losses == 0
        await lost(session)

    async def test_what_it_reads_in_the_end_is_in_order_and_whole(self, slow):
        session, reader, writer = slow
        await self.fill(session)
        session.push("last")
        writer.transport.resume_reading()
        while (await read_frame(reader))[1] != b"last":
            pass
        session.push("more")
        assert (await read_frame(reader))[1] == b"more"

    async def test_pings_of_one_that_does_not_read_are_not_kept(self, served, slow):
        session, _, writer = slow
        await self.fill(session)
        for _ in range(5_000):
            writer.write(masked(b"p" * 125, 0x89))
        writer.write(masked(b"behind"))
        assert await session.received.get() == "behind"

    async def test_its_connection_ends(self, served, slow, monkeypatch):
        monkeypatch.setattr(direct, "CLOSE_SECONDS", 0.05)
        session, _, _ = slow
        await self.fill(session)
        if not isinstance(*served.server.server_state.connections, direct.Connection):
            pytest.skip("uvicorn's own class leaves it to the kernel to give up on the client")
        session.outbox.abort(1013, "too slow")
        for _ in range(500):
            if not served.server.server_state.connections:
                return
            await asyncio.sleep(0.01)
        pytest.fail("the connection was not ended")


class TestHandshake:
    async def test_other_paths_are_the_applications(self, served):
        async with served.connect("/echo") as client:
            await client.send("x")
            assert await client.recv() == "x"
        assert served.hub.sessions == []

    async def test_what_is_known_of_the_client(self, served):
        async with served.raw("/websocket?a=b%20c", ["X-Thing: y"]) as (_, _, head):
            assert head.startswith("HTTP/1.1 101 Switching Protocols\r\n")
            assert "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=".lower() in head.lower()
            info = served.session.info
            assert info.address == "127.0.0.1"
            assert (info.path, info.query) == ("/websocket", b"a=b%20c")
            assert (b"x-thing", b"y") in info.headers
            assert info.server == ("127.0.0.1", served.port)
            assert not info.secure

    @pytest.mark.parametrize(
        ("path", "headers", "status"),
        [
            (RAW, {"Host": "evil.example"}, 400),
            (RAW, {"Origin": "https://evil.example"}, 403),
            ("/sockjs/1/2/xhr", {}, 404),
        ],
        ids=["host", "origin", "path"],
    )
    async def test_refused(self, served, path, headers, status):
        options = {"additional_headers": headers}
        with pytest.raises(websockets.InvalidStatus) as refused:
            await served.connect(path, **options)
        assert refused.value.response.status_code == status

    async def test_a_bug_behind_it(self, served, monkeypatch, caplog):
        def fail(info):
            raise ValueError("a bug")

        monkeypatch.setattr(served.hub, "open", fail)
        async with served.raw() as (reader, _, _), asyncio.timeout(5):
            assert await reader.read() == b""
        assert "a bug" in caplog.text

    @pytest.mark.parametrize("protocol", CLASSES)
    async def test_a_client_that_does_not_wait(self, protocol):
        told = asyncio.Queue()

        async def app(scope, receive, send):
            for _ in range(2):
                told.put_nowait((await receive())["type"])

        async with Served(protocol, app).running() as served:
            _, writer = await asyncio.open_connection("127.0.0.1", served.port)
            writer.write(served.request())
            assert await told.get() == "websocket.connect"
            await asyncio.sleep(0)
            assert told.empty()
            writer.transport.abort()
            async with asyncio.timeout(5):
                assert await told.get() == "websocket.disconnect"

    async def test_no_change_feed(self, served):
        served.hub.failure = OSError("away")
        with pytest.raises(websockets.InvalidStatus) as refused:
            await served.connect()
        assert refused.value.response.status_code == 503

    @pytest.mark.parametrize(
        "header", ["Sec-WebSocket-Version: 12", "Sec-WebSocket-Key: dGhlIHNhbXBsZQ=="]
    )
    async def test_what_is_odd(self, served, header):
        name = header.split(":")[0]
        reader, writer = await asyncio.open_connection("127.0.0.1", served.port)
        lines = [
            f"GET {RAW} HTTP/1.1",
            f"Host: 127.0.0.1:{served.port}",
            "Upgrade: websocket",
            "Connection: Upgrade",
            "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
            "Sec-WebSocket-Version: 13",
        ]
        lines = [header if line.startswith(name) else line for line in lines]
        writer.write("\r\n".join([*lines, "", ""]).encode())
        assert (await reader.readline()).startswith((b"HTTP/1.1 400", b"HTTP/1.1 426"))
        writer.close()
        assert served.hub.sessions == []


class TestDirect:
    """What only our own class does."""

    async def test_no_task_while_nothing_waits(self, served_directly):
        served, before = served_directly, asyncio.all_tasks()
        async with served.raw(), served.raw() as (reader, writer, _):
            served.session.push("x")
            writer.write(masked(b"y"))
            assert await read_frame(reader) == (0x81, b"x")
            assert await served.session.received.get() == "y"
            assert asyncio.all_tasks() == before

    async def test_nothing_is_left_of_the_handshake(self, served_directly):
        gc.collect()
        gc.disable()
        try:
            async with served_directly.raw():
                await asyncio.sleep(0.05)
                left = [type(each).__name__ for each in gc.get_objects()]
        finally:
            gc.enable()
        assert {"Handshake", "WebSocketProtocol", "H11Protocol"}.isdisjoint(left)
        assert left.count("Connection") >= 1

    async def test_frames_of_one_turn_are_one_write(self, served_directly, monkeypatch):
        async with served_directly.raw():
            (connection,) = served_directly.server.server_state.connections
            written = []
            monkeypatch.setattr(connection._transport, "write", written.append, raising=False)
            served_directly.session.push("1", "2")
            served_directly.session.push("3")
            await asyncio.sleep(0)
            assert written == [b"\x81\x011\x81\x012\x81\x013"]

    async def test_one_that_fails_does_not_keep_the_others(self, served_directly, caplog):
        async with served_directly.raw(), served_directly.raw() as (reader, _, _):
            broken, sound = served_directly.hub.sessions
            broken.outbox.push(BrokenFrame())
            sound.push("x")
            assert await read_frame(reader) == (0x81, b"x")
            await lost(broken)
        assert "A connection failed" in caplog.text

    async def test_one_that_fails_while_it_waits_for_room(self, served_directly, caplog):
        async with served_directly.raw() as (reader, writer, _):
            session = served_directly.session
            session.receiving.clear()
            writer.write(masked(b"x"))
            await session.received.get()
            session.failure = ValueError("a bug")
            session.receiving.set()
            opcode, payload = await read_frame(reader)
            assert (opcode, payload[:2]) == (0x88, (1011).to_bytes(2, "big"))
        assert "A connection failed" in caplog.text


class BrokenFrame:
    data = b"x"

    @property
    def websocket(self):
        raise ValueError("a bug")


class TestCompression:
    """permessage-deflate without context, in both directions."""

    @pytest.fixture
    def deflating(self, served_directly):
        extensions = [ClientPerMessageDeflateFactory(client_max_window_bits=True)]
        return served_directly.connect(compression=None, extensions=extensions)

    async def test_documents_above_a_size(self, served_directly):
        offer = ["Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits"]
        async with served_directly.raw(headers=offer) as (reader, _, head):
            accepted = head.lower().split("sec-websocket-extensions: ")[1].split("\r\n")[0]
            assert "server_no_context_takeover" in accepted
            assert "client_no_context_takeover" in accepted
            outbox = served_directly.session.outbox
            outbox.push(Document(b"s" * 500))
            outbox.push(Document(b"l" * 5000))
            assert await read_frame(reader) == (0x81, b"s" * 500)
            first, payload = await read_frame(reader)
            assert first == 0xC1
            assert len(payload) < 100

    async def test_a_librarys_client_reads_and_writes_it(self, served_directly, deflating):
        async with deflating as client:
            text = "much the same " * 500
            await client.send(text)
            assert await served_directly.session.received.get() == text
            for _ in range(2):
                served_directly.session.outbox.push(Document(text.encode()))
                assert await client.recv() == text
            await client.send(text)
            assert await served_directly.session.received.get() == text

    async def test_what_inflates_too_far(self, served_directly, deflating):
        async with deflating as client:
            await client.send("x" * 10_000_000)
            await client.wait_closed()
            assert client.close_code == 1009
            assert served_directly.session.received.empty()

    async def test_turned_off(self, served_directly, deflating):
        with override_settings(DDP_COMPRESS_BYTES=None):
            async with deflating as client:
                assert client.protocol.extensions == []

    @pytest.mark.parametrize(
        ("offer", "accepted"),
        [
            ("permessage-deflate", True),
            ("permessage-deflate; server_max_window_bits=12", True),
            ("permessage-deflate; server_max_window_bits=10", False),
            ("permessage-deflate; server_max_window_bits=10, permessage-deflate", True),
            ("permessage-deflate; nonsense=1", False),
            ("x-webkit-deflate-frame", False),
            ('permessage-deflate; "', False),
        ],
    )
    async def test_offers(self, served_directly, offer, accepted):
        headers = [f"Sec-WebSocket-Extensions: {offer}"]
        async with served_directly.raw(headers=headers) as (_, _, head):
            assert ("sec-websocket-extensions" in head.lower()) == accepted
