"""Streams of a method call, checked against values drawn by Meteor 3."""

from __future__ import annotations

import pytest

from dddp.random_stream import RandomStreams

SEED = "seed0123456789abcdef"


def streams() -> RandomStreams:
    return RandomStreams(SEED)


class TestValuesOfMeteor:
    def test_ids_of_a_collection(self) -> None:
        stream = streams().for_collection("wire")
        assert [stream.id() for _ in range(3)] == [
            "qcA8TiHbNw8PDC7m4",
            "o43WEbcjBSGZG7Yq6",
            "qbSBYrcgmqR8q7dzE",
        ]

    def test_of_another_collection(self) -> None:
        assert streams().for_collection("ledger").id() == "agmEFCLZXudmwTMtx"

    def test_fraction(self) -> None:
        assert streams().stream("/collection/wire").fraction() == 0.8279918830376118

    def test_hexadecimal(self) -> None:
        assert streams().for_collection("wire").hex_string(24) == "d9217b495f16321c0c007399"

    def test_nested_call(self) -> None:
        seed = streams().seed_for_call("wire/randomIds")
        assert seed == "424531de6b9cee49ec36"
        assert RandomStreams(seed).for_collection("wire").id() == "g6qGLnEPYftzBpBYB"

    def test_short_seed(self) -> None:
        assert RandomStreams("abc").for_collection("foo").id() == "G54c3DHP7bs64gZRr"


def test_a_stream_goes_on_where_it_was_left() -> None:
    one = streams()
    assert one.stream("a").id() != one.stream("a").id()
    assert one.stream("a") is one.stream("a")


def test_streams_do_not_disturb_each_other() -> None:
    alone, mixed = streams(), streams()
    mixed.stream("other").id()
    assert alone.stream("a").id() == mixed.stream("a").id()


@pytest.mark.parametrize("name", ["", "x"])
def test_without_a_seed_nobody_can_tell(name: str) -> None:
    assert RandomStreams(None).stream(name).id() != RandomStreams(None).stream(name).id()


def test_without_a_seed_one_secret_per_invocation() -> None:
    one = RandomStreams(None)
    assert one.stream("a").id() != one.stream("b").id()
