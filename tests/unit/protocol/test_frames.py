"""A frame holds one message for every transport."""

from __future__ import annotations

import json
import secrets

from hypothesis import given
from hypothesis import strategies as st

from dddp.protocol.frames import Document, Frame

texts = st.text(st.characters(exclude_categories=["Cs"]))


def test_forms() -> None:
    frame = Frame(b'{"msg":"ping"}')
    assert frame.data == b'{"msg":"ping"}'
    assert frame.text == '{"msg":"ping"}'
    assert frame.sockjs == 'a["{\\"msg\\":\\"ping\\"}"]'


def test_forms_are_made_once() -> None:
    frame = Frame(b'"x"')
    assert frame.text is frame.text
    assert frame.sockjs is frame.sockjs


@given(texts)
def test_every_form_holds_the_message(text: str) -> None:
    frame = Frame(json.dumps(text, ensure_ascii=False).encode())
    assert json.loads(frame.text) == text
    (inner,) = json.loads(frame.sockjs[1:])
    assert json.loads(inner) == text


class TestWebSocketForms:
    """As they go over the wire, made once."""

    def test_plain(self):
        frame = Frame(b'{"n":1}')
        assert frame.websocket == b'\x81\x07{"n":1}'
        assert frame.websocket is frame.websocket
        assert frame.websocket_sockjs == b'\x81\x0ea["{\\"n\\":1}"]'
        assert frame.websocket_sockjs is frame.websocket_sockjs

    def test_documents_are_compressed_from_a_size_on(self):
        frame = Document(b'{"n":"%s"}' % (b"x" * 200))
        assert frame.deflated(1000) is frame.websocket
        assert frame.deflated_sockjs(1000) is frame.websocket_sockjs
        for form in (frame.deflated(100), frame.deflated_sockjs(100)):
            assert form[0] == 0xC1
            assert len(form) < 60
        assert frame.deflated(100) is frame.deflated(100)

    def test_nothing_else_is(self):
        frame = Frame(b'{"n":"%s"}' % (b"x" * 200))
        assert frame.deflated(100) is frame.websocket
        assert frame.deflated_sockjs(100) is frame.websocket_sockjs

    def test_what_would_grow_is_sent_as_it_is(self):
        frame = Document(secrets.token_bytes(2000))
        assert frame.deflated(100) is frame.websocket
