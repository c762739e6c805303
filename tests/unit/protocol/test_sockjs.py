"""SockJS 0.3, "Protocol and framing"."""

from __future__ import annotations

import contextlib
import json
from urllib.parse import unquote

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

    @given(st.lists(st.lists(texts, min_size=1), min_size=1))
    def test_frames_joined(self, parts: list[list[str]]) -> None:
        whole = [message for part in parts for message in part]
        assert sockjs.join([sockjs.encode(part) for part in parts]) == sockjs.encode(whole)

    def test_what_browsers_change(self) -> None:
        """SockJS 0.3.3, "JSON Unicode Encoding"."""
        assert sockjs.encode(["\u2028\u200c\uffff\x00\u00e9"]) == (
            'a["\\u2028\\u200c\\uffff\\u0000\u00e9"]'
        )

    def test_close(self) -> None:
        assert sockjs.close_frame(1000, "Normal closure") == 'c[1000,"Normal closure"]'

    def test_open_and_heartbeat(self) -> None:
        assert (sockjs.OPEN, sockjs.HEARTBEAT) == ("o", "h")


class TestOverHTTP:
    """Each transport's client gets the frame back, whatever is in it."""

    FRAMES = st.lists(texts).map(sockjs.encode)
    CLOSE_SCRIPT = 'a["</script><script>alert(1)"]'

    @given(FRAMES)
    def test_a_line(self, frame: str) -> None:
        assert sockjs.line(frame) == f"{frame}\n"
        assert "\n" not in frame
        assert "\r" not in frame

    @given(FRAMES)
    def test_an_event(self, frame: str) -> None:
        text = sockjs.event(frame)
        assert text.startswith("data: ")
        assert text.endswith("\r\n\r\n")
        assert unquote(text[6:-4]) == frame

    @given(FRAMES)
    def test_a_script(self, frame: str) -> None:
        text = sockjs.script(frame)
        assert text.startswith("<script>\np(")
        assert text.endswith(");\n</script>\r\n")
        assert json.loads(text[11:-14]) == frame
        assert "<" not in text[11:-14]

    def test_a_script_is_not_ended_by_a_message(self) -> None:
        assert sockjs.script(self.CLOSE_SCRIPT).count("</script>") == 1

    @given(FRAMES)
    def test_jsonp(self, frame: str) -> None:
        text = sockjs.jsonp("_jp.abc", frame)
        assert text.startswith("/**/_jp.abc(")
        assert text.endswith(");\r\n")
        assert json.loads(text[12:-4]) == frame

    @pytest.mark.parametrize("name", ["c", "_jp.a1b2", "A-z_0.9", "x" * 32])
    def test_good_callbacks(self, name: str) -> None:
        assert sockjs.valid_callback(name)

    @pytest.mark.parametrize(
        "name", ["", " ", "*", "abc(", "a=b", "a;b", "\u00e4", "x" * 33, "a\n"]
    )
    def test_bad_callbacks(self, name: str) -> None:
        assert not sockjs.valid_callback(name)

    def test_htmlfile_page(self) -> None:
        page = sockjs.htmlfile_prelude("_jp.abc")
        assert len(page) > 1024
        assert "var c = parent._jp.abc;" in page


def test_info() -> None:
    assert sockjs.info(7, websocket=False, cookie_needed=True) == {
        "websocket": False,
        "origins": ["*:*"],
        "cookie_needed": True,
        "entropy": 7,
    }
