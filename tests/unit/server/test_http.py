"""Requests that never end."""

import asyncio

import pytest
from uvicorn import Config
from uvicorn.server import ServerState

from dddp.server.http import MOST_BYTES, HttpProtocol

PIECE = b"a" * 8192
HEAD = b"GET / HTTP/1.1\r\nHost: a\r\n"
CHUNKED = b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"


class Transport(asyncio.Transport):
    def __init__(self):
        super().__init__()
        self.written = b""
        self.closed = False

    def write(self, data):
        self.written += data

    def is_closing(self):
        return self.closed

    def close(self):
        self.closed = True

    def pause_reading(self):
        """Nothing reads here."""

    resume_reading = pause_reading


async def application(scope, receive, send):
    while (await receive())["type"] != "http.disconnect":
        pass


@pytest.fixture
async def protocol():
    state = ServerState()
    protocol = HttpProtocol(Config(application, log_config=None), state, {})
    protocol.connection_made(Transport())
    yield protocol
    protocol.connection_lost(None)
    await asyncio.gather(*state.tasks)


def feed(protocol, begin, piece):
    """Returns how much was taken."""
    protocol.data_received(begin)
    pieces = 0
    while not protocol.transport.closed and pieces < 100:
        protocol.data_received(piece)
        pieces += 1
    return pieces * len(piece)


@pytest.mark.parametrize(
    ("begin", "piece"),
    [
        (b"GET /", PIECE),
        (HEAD + b"X: ", PIECE),
        (HEAD, b"".join([b"X: y\r\n"] * 1000)),
        (HEAD, PIECE),
        (CHUNKED + b"1\r\na\r\n0\r\nX: ", PIECE),
        (HEAD + b"\r\n" + HEAD + b"X: ", PIECE),
    ],
    ids=["URL", "header", "headers", "name", "trailer", "the second request"],
)
async def test_a_head_that_does_not_end_is_refused(protocol, begin, piece):
    assert feed(protocol, begin, piece) < MOST_BYTES + 2 * len(piece)
    assert protocol.transport.written.startswith(b"HTTP/1.1 400 ")


@pytest.mark.parametrize(
    ("begin", "piece"),
    [
        (HEAD + b"Content-Length: 10000000\r\n\r\n", PIECE),
        (CHUNKED, b"2000\r\n" + PIECE + b"\r\n"),
    ],
)
async def test_a_body_may_be_long(protocol, begin, piece):
    assert feed(protocol, begin, piece) == 100 * len(piece)
    assert protocol.transport.written == b""


async def test_a_long_head_that_ends_is_taken(protocol):
    for part in (HEAD, b"X: ", PIECE, PIECE, b"\r\n\r\n"):
        protocol.data_received(part)
    assert not protocol.transport.closed
    assert dict(protocol.scope["headers"])[b"x"] == 2 * PIECE
