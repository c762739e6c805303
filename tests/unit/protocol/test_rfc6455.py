"""Frames that clients send, cut and spoiled in any way; the `websockets` library is the judge."""

from __future__ import annotations

import random
import zlib

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from websockets.exceptions import PayloadTooBig, ProtocolError
from websockets.extensions.permessage_deflate import PerMessageDeflate
from websockets.frames import Close, Opcode
from websockets.server import ServerProtocol

from dddp.protocol import rfc6455
from dddp.protocol.rfc6455 import Closed, Control, Item, Parser

LIMIT = 500
MASK = b"\x1f\x00\xfe\x77"


def masked(payload: bytes, first: int, size: int | None = None, mask: bool = True) -> bytes:
    """A client's frame; `size` is what it claims to have."""
    size = len(payload) if size is None else size
    bit = 0x80 if mask else 0
    if size < 126:
        head = bytes((first, bit | size))
    elif size < 65536:
        head = bytes((first, bit | 126)) + size.to_bytes(2, "big")
    else:
        head = bytes((first, bit | 127)) + size.to_bytes(8, "big")
    if not mask:
        return head + payload
    return head + MASK + bytes(byte ^ MASK[at % 4] for at, byte in enumerate(payload))


def compressed(payload: bytes) -> bytes:
    deflater = zlib.compressobj(wbits=-15)
    return (deflater.compress(payload) + deflater.flush(zlib.Z_SYNC_FLUSH))[:-4]


def fed(parser: Parser, data: bytes, cuts: list[int]) -> list[Item]:
    items: list[Item] = []
    at = 0
    for cut in [*cuts, len(data)]:
        items += parser.feed(data[at : at + cut])
        at += cut
    return items + parser.feed(data[at:])


def judged(data: bytes, deflate: bool) -> list[Item]:
    """What the library makes of it."""
    protocol = ServerProtocol(max_size=LIMIT)
    protocol.state = type(protocol.state).OPEN
    if deflate:
        protocol.extensions = [PerMessageDeflate(True, True, 15, 15)]
    protocol.parser = protocol.parse()
    next(protocol.parser)
    protocol.receive_data(data)
    items: list[Item] = []
    text, parts = True, b""
    for event in protocol.events_received():
        if event.opcode in (Opcode.PING, Opcode.PONG):
            items.append(Control(int(event.opcode), bytes(event.data)))
        elif event.opcode is Opcode.CLOSE:
            close = Close.parse(event.data)
            items.append(Closed(int(close.code), close.reason))
        else:
            if event.opcode is not Opcode.CONT:
                text, parts = event.opcode is Opcode.TEXT, b""
            parts += bytes(event.data)
            if event.fin:
                try:
                    items.append(parts.decode() if text else parts)
                except UnicodeDecodeError:
                    return [*items, Closed(1007, failed=True)]
    error = protocol.parser_exc
    if isinstance(error, PayloadTooBig):
        items.append(Closed(1009, failed=True))
    elif isinstance(error, ProtocolError):
        items.append(Closed(1002, failed=True))
    elif isinstance(error, UnicodeDecodeError):
        items.append(Closed(1007, failed=True))
    return items


def comparable(items: list[Item]) -> list[Item]:
    return [Closed(each.code, "", True) if _failed(each) else each for each in items]


def _failed(item: Item) -> bool:
    return isinstance(item, Closed) and item.failed


texts = st.text(max_size=80).map(lambda text: text.encode("utf-8", "surrogatepass"))
payloads = st.one_of(
    texts, st.binary(max_size=200), st.just(b"x" * 130), st.just(b"y" * (LIMIT + 1))
)
closes = st.builds(
    lambda code, reason: code.to_bytes(2, "big") + reason,
    st.one_of(
        st.sampled_from([1000, 1001, 1004, 1005, 1006, 1012, 1015, 3000, 4999]),
        st.integers(0, 65535),
    ),
    st.one_of(texts, st.binary(max_size=5)),
)
opcodes = st.sampled_from([0, 1, 2, 8, 9, 10])
sound_data = st.builds(
    lambda parts, kind: b"".join(
        masked(part, (0x80 if at == len(parts) - 1 else 0) | (kind if at == 0 else 0))
        for at, part in enumerate(parts)
    ),
    st.lists(st.binary(max_size=60), min_size=1, max_size=4),
    st.sampled_from([1, 2]),
)
one_frame = st.builds(lambda payload, opcode: masked(payload, 0x80 | opcode), payloads, opcodes)
odd_frame = st.builds(
    lambda payload, first, mask: masked(payload, first, mask=mask),
    payloads,
    st.integers(0, 255),
    st.booleans(),
)
closing = closes.map(lambda payload: masked(payload, 0x88))
deflated_text = texts.map(lambda text: masked(compressed(text), 0xC1))
bomb = st.just(masked(compressed(b"x" * 100_000), 0xC1))
broken = st.binary(min_size=1, max_size=60).map(lambda payload: masked(payload, 0xC1))
streams = st.lists(
    st.one_of(sound_data, sound_data, one_frame, deflated_text, odd_frame, closing, bomb, broken),
    max_size=6,
).map(b"".join)


@settings(deadline=None, max_examples=300)
@given(streams, st.lists(st.integers(0, 40), max_size=30), st.booleans())
@example(masked(b"\x03\xe8\xff", 0x88), [], False)
def test_as_the_library_has_it(stream: bytes, cuts: list[int], deflate: bool) -> None:
    ours = comparable(fed(Parser(LIMIT, deflate), stream, cuts))
    theirs = comparable(judged(stream, deflate))
    if ours != theirs:
        # Ours refuses a frame by its head; the library waits for the whole of it.
        theirs = comparable(judged(stream + bytes(LIMIT + 20), deflate))[: len(ours)]
    assert ours == theirs


@settings(deadline=None)
@given(st.binary(max_size=300), st.lists(st.integers(0, 5), max_size=30))
def test_noise(stream: bytes, cuts: list[int]) -> None:
    items = fed(Parser(LIMIT, True), stream, cuts)
    assert all(not isinstance(item, Closed) for item in items[:-1])


@given(st.binary(max_size=70_000), st.sampled_from([1, 2, 9]))
@settings(deadline=None, max_examples=30)
@example(b"x" * 125, 1)
@example(b"x" * 126, 1)
@example(b"x" * 65535, 1)
@example(b"x" * 65536, 1)
def test_what_is_written_can_be_read(payload: bytes, opcode: int) -> None:
    written = rfc6455.frame(payload, opcode)
    assert written[0] == 0x80 | opcode
    assert written.endswith(payload)
    size = len(written) - len(payload)
    assert size == (2 if len(payload) < 126 else 4 if len(payload) < 65536 else 10)


def test_a_message_byte_by_byte() -> None:
    stream = masked(b"one", 0x01) + masked(b"ping", 0x89) + masked("ü".encode(), 0x80)
    assert fed(Parser(LIMIT), stream, [1] * len(stream)) == [Control(9, b"ping"), "oneü"]


def test_nothing_comes_after_the_end() -> None:
    parser = Parser(LIMIT)
    assert parser.feed(masked(b"", 0x88) + masked(b"more", 0x81)) == [Closed(1005)]
    assert parser.feed(masked(b"more", 0x81)) == []


def test_many_empty_fragments_hold_no_memory() -> None:
    parser = Parser(LIMIT)
    parser.feed(masked(b"x", 0x01))
    for _ in range(1000):
        parser.feed(masked(b"", 0x00))
    assert parser.feed(masked(b"y", 0x80)) == ["xy"]


def test_fragments_together_are_bounded() -> None:
    parser = Parser(LIMIT)
    parser.feed(masked(b"x" * LIMIT, 0x01))
    (closed,) = parser.feed(masked(b"y", 0x80))
    assert closed == Closed(1009, "Message too big", failed=True)


def test_too_large_is_known_by_the_head() -> None:
    (closed,) = Parser(LIMIT).feed(masked(b"", 0x81, size=1 << 62))
    assert isinstance(closed, Closed)
    assert closed.code == 1009


@pytest.mark.parametrize("size", [LIMIT, LIMIT + 1, 50_000_000])
def test_inflated_no_further_than_allowed(size: int) -> None:
    stream = masked(compressed(b"x" * size), 0xC1) if size < 1_000_000 else BOMB
    (item,) = Parser(LIMIT if size < 1_000_000 else 100_000, True).feed(stream)
    if size == LIMIT:
        assert item == "x" * LIMIT
    else:
        assert item == Closed(1009, "Message too big", failed=True)


BOMB = masked(compressed(b"x" * 50_000_000), 0xC1)


@pytest.mark.parametrize("size", [1, 1000, 100_000])
def test_a_message_we_compress_can_be_read_by_the_library(size: int) -> None:
    letters = random.Random(1).choices("abc ", k=size)
    payload = "".join(letters).encode()
    written = rfc6455.deflated(payload)
    if size == 1:
        assert written is None
        return
    assert written is not None
    assert written[0] == 0xC1
    head = 2 if written[1] < 126 else 4 if written[1] == 126 else 10
    inflater = zlib.decompressobj(-rfc6455.WINDOW_BITS)
    assert inflater.decompress(written[head:] + b"\x00\x00\xff\xff") == payload


def test_what_takes_too_long_to_compress_is_not() -> None:
    assert rfc6455.deflated(b"x" * (rfc6455.MOST_BYTES + 1)) is None


@pytest.mark.parametrize("reason", ["x" * 200, "ü" * 100])
def test_a_reason_is_cut(reason: str) -> None:
    written = rfc6455.close(1000, reason)
    assert len(written) <= 127
    assert reason.startswith(written[4:].decode())
