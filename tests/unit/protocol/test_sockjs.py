"""SockJS 0.3, "Protocol and framing"."""

from __future__ import annotations

import contextlib
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dddp.protocol import sockjs
from dddp.protocol.sockjs import SockJSFramingError

texts = st.text(st.characters(exclude_categories=["Cs"]))


class TestDecode:
    @pytest.mark.parametrize(
        ("frame", "messages"),
        [
            ('["a"]', ["a"]),
            ('["a","b"]', ["a", "b"]),
            ('"a"', ["a"]),
            ("", []),
            ("[]", []),
            ('[""]', [""]),
            (' ["a"] ', ["a"]),
        ],
    )
    def test_messages(self, frame: str, messages: list[str]) -> None:
        assert sockjs.decode(frame) == messages

    @pytest.mark.parametrize(
        "frame",
        [
            "x",
            "[",
            "a[]",
            "{}",
            "null",
            "1",
            "[1]",
            '["a",null]',
            '[["a"]]',
            "[" * 100_000,
            "\ud800",
        ],
    )
    def test_broken(self, frame: str) -> None:
        with pytest.raises(SockJSFramingError):
            sockjs.decode(frame)

    @given(st.text())
    def test_any_text_is_messages_or_broken(self, frame: str) -> None:
        with contextlib.suppress(SockJSFramingError):
            assert all(isinstance(each, str) for each in sockjs.decode(frame))

    @given(st.lists(texts))
    def test_what_a_client_encodes(self, messages: list[str]) -> None:
        assert sockjs.decode(json.dumps(messages)) == messages


class TestEncode:
    @given(st.lists(texts))
    def test_messages(self, messages: list[str]) -> None:
        frame = sockjs.encode(messages)
        assert frame[0] == "a"
        assert json.loads(frame[1:]) == messages

    def test_close(self) -> None:
        assert sockjs.close_frame(1000, "Normal closure") == 'c[1000,"Normal closure"]'

    def test_open_and_heartbeat(self) -> None:
        assert (sockjs.OPEN, sockjs.HEARTBEAT) == ("o", "h")


def test_info() -> None:
    assert sockjs.info(7) == {
        "websocket": True,
        "origins": ["*:*"],
        "cookie_needed": False,
        "entropy": 7,
    }
