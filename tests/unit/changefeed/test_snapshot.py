"""Which transactions a snapshot shows."""

import pytest

from dddp.changefeed.snapshot import Snapshot


@pytest.mark.parametrize(
    ("xid", "seen"), [(9, True), (10, False), (11, True), (12, False), (13, True), (15, False)]
)
def test_sees_what_had_ended(xid: int, seen: bool) -> None:
    assert Snapshot.parse("10:15:10,12").sees(xid) is seen


def test_nothing_was_running() -> None:
    snapshot = Snapshot.parse("7:7:")
    assert snapshot.sees(6)
    assert not snapshot.sees(7)


def test_transaction_ids_have_64_bits() -> None:
    snapshot = Snapshot.parse(f"{2**40}:{2**40 + 2}:{2**40}")
    assert not snapshot.sees(2**40)
    assert snapshot.sees(2**40 + 1)


@pytest.mark.parametrize("text", ["", "1:2", "1:2:3:4", "a:b:"])
def test_anything_else_is_refused(text: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011, whichever
        Snapshot.parse(text)
