"""A frame holds one message for every transport."""

from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st

from dddp.protocol.frames import Frame

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
