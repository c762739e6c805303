"""Notifications into changes."""

from __future__ import annotations

import json
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dddp.changefeed.payload import Decoder, Fence, GapError, TableChange
from dddp.exceptions import ListenerError

BOOK = b"dddp1_book_0"
AUTHOR = b"dddp1_author_0"


@pytest.fixture
def decoder() -> Decoder:
    return Decoder("dddp1_fence_me")


def message(xid: int, n: int, table: str = "book", op: str = "I", rows: str = "[[{}]]") -> bytes:
    return f'[{xid},"{table}","{op}",{rows},{n}]'.encode()


def pieces(whole: bytes, size: int = 10) -> list[bytes]:
    texts = [whole[at : at + size] for at in range(0, len(whole), size)]
    return [
        b"%c%d:%d:" % (ord("." if i == len(texts) - 1 else "+"), 0, i) + text
        for i, text in enumerate(texts)
    ]


class TestMessages:
    def test_rows_of_an_update_are_new_and_old(self, decoder: Decoder) -> None:
        rows = '[[{"id":1,"n":2},{"id":1,"n":1}],[{"id":7,"n":9},{"id":8,"n":9}]]'
        assert decoder.feed(BOOK, message(731, 0, op="U", rows=rows)) == TableChange(
            xid=731,
            table="book",
            op="U",
            rows=[[{"id": 1, "n": 2}, {"id": 1, "n": 1}], [{"id": 7, "n": 9}, {"id": 8, "n": 9}]],
        )

    def test_many_rows_are_not_listed(self, decoder: Decoder) -> None:
        change = decoder.feed(BOOK, message(5, 0, op="U", rows="null"))
        assert change == TableChange(5, "book", "U", None)

    def test_truncate(self, decoder: Decoder) -> None:
        assert decoder.feed(BOOK, message(5, 0, op="T", rows="null")) == TableChange(5, "book", "T")

    def test_numbers_are_exact(self, decoder: Decoder) -> None:
        digits = "12345678901234567890.123456789012345678901234567890"
        rows = '[[{"a":%s,"b":1.50,"c":123456789012345678901234567890,"d":1e400,"e":[0.1]}]]'
        change = decoder.feed(BOOK, message(5, 0, rows=rows % digits))
        assert isinstance(change, TableChange)
        assert change.rows is not None
        row = change.rows[0][0]
        assert row["a"] == Decimal(digits)
        assert str(row["b"]) == "1.50"
        assert row["c"] == 123456789012345678901234567890
        assert row["d"] == Decimal("1e400")
        assert row["e"] == [Decimal("0.1")]

    @pytest.mark.parametrize("value", [b"9" * 100_000, b'"\xff"', b'"\\ud800"'])
    def test_a_value_that_cannot_be_read_means_query_again(
        self, decoder: Decoder, value: bytes
    ) -> None:
        payload = b'[5,"book","I",[[{"a":%s}]],0]' % value
        assert decoder.feed(BOOK, payload) == TableChange(5, "book", "I", None, 0)
        assert decoder.feed(BOOK, message(5, 1)) == TableChange(5, "book", "I", [[{}]], 1)

    def test_a_fence(self, decoder: Decoder) -> None:
        assert decoder.feed(b"dddp1_fence_me", b"call:17") == Fence("call:17")


class TestGaps:
    def test_a_transaction_counts_from_zero_on_each_channel(self, decoder: Decoder) -> None:
        for channel, xid, n in [
            (BOOK, 5, 0),
            (AUTHOR, 5, 0),
            (BOOK, 5, 1),
            (AUTHOR, 5, 1),
            (BOOK, 4, 0),
            (BOOK, 6, 0),
        ]:
            assert isinstance(decoder.feed(channel, message(xid, n)), TableChange)

    @pytest.mark.parametrize("n", [1, 3, 0])
    def test_a_missing_message(self, decoder: Decoder, n: int) -> None:
        decoder.feed(BOOK, message(5, 0))
        decoder.feed(BOOK, message(5, 1))
        xid = 6 if n == 1 else 5
        with pytest.raises(GapError, match="lost"):
            decoder.feed(BOOK, message(xid, n))

    def test_a_gap_is_trouble_with_the_change_feed(self) -> None:
        assert issubclass(GapError, ListenerError)

    @pytest.mark.parametrize(
        "payload",
        [
            *(b"", b"hello", b"{}", b"[", b"[1]", b"[\xff]", b"[" * 100_000),
            *(b'[1,"t","X",null,0]', b'["1","t","I",null,0]', b'[1,"t","I",[[,0]'),
            b'[1,"t","I",%s,0]' % (b"[" * 100_000),
        ],
    )
    def test_what_cannot_be_read(self, decoder: Decoder, payload: bytes) -> None:
        with pytest.raises(GapError):
            decoder.feed(BOOK, payload)

    @given(st.lists(st.tuples(st.sampled_from([BOOK, AUTHOR]), st.binary(max_size=30))))
    def test_no_payload_raises_anything_else(self, payloads: list[tuple[bytes, bytes]]) -> None:
        decoder = Decoder("dddp1_fence_me")
        for channel, payload in payloads:
            try:
                decoder.feed(channel, payload)
            except GapError:
                decoder = Decoder("dddp1_fence_me")


class TestPieces:
    WHOLE = message(5, 0, rows=json.dumps([[{"text": "häßlich \U0001f600 " * 20}]]))

    def test_a_long_message_comes_whole(self, decoder: Decoder) -> None:
        *first, last = pieces(self.WHOLE)
        assert [decoder.feed(BOOK, piece) for piece in first] == [None] * len(first)
        change = decoder.feed(BOOK, last)
        assert isinstance(change, TableChange)
        assert change.rows == [[{"text": "häßlich \U0001f600 " * 20}]]
        assert isinstance(decoder.feed(BOOK, message(5, 1)), TableChange)

    def test_pieces_of_two_channels_may_alternate(self, decoder: Decoder) -> None:
        other = [(AUTHOR, piece) for piece in pieces(self.WHOLE)]
        both = zip([(BOOK, piece) for piece in pieces(self.WHOLE)], other, strict=True)
        changes = [decoder.feed(*item) for pair in both for item in pair]
        assert sum(isinstance(change, TableChange) for change in changes) == 2

    @pytest.mark.parametrize("lost", [0, 1, -2])
    def test_a_lost_piece(self, decoder: Decoder, lost: int) -> None:
        received = pieces(self.WHOLE)
        del received[lost]
        with pytest.raises(GapError, match="lost"):
            list(map(decoder.feed, [BOOK] * len(received), received))

    def test_a_lost_last_piece(self, decoder: Decoder) -> None:
        for piece in pieces(self.WHOLE)[:-1]:
            decoder.feed(BOOK, piece)
        with pytest.raises(GapError, match="ends early"):
            decoder.feed(BOOK, message(6, 0))
