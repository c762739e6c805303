"""When a fence is sent, and when it is refused. That it arrives: tests/integration/changefeed."""

from typing import Any

import pytest

from dddp.changefeed.fence import notify_fence


class Cursor:
    def __init__(self, written: bool) -> None:
        self.written = written
        self.statements: list[str] = []

    def execute(self, sql: str) -> Any:
        self.statements.append(sql)

    def fetchone(self) -> tuple[bool]:
        return (self.written,)


def test_a_transaction_that_only_read_costs_one_question() -> None:
    cursor = Cursor(written=False)
    assert notify_fence(cursor, "dddp1_fence_x", "t1") is False
    assert len(cursor.statements) == 1


def test_deferred_constraints_are_checked_before_the_token_is_sent() -> None:
    cursor = Cursor(written=True)
    assert notify_fence(cursor, "dddp1_fence_x", "t1") is True
    constraints, _, notify = cursor.statements[-1].partition(";")
    assert constraints == "SET CONSTRAINTS ALL IMMEDIATE"
    assert "'dddp1_fence_x', 't1'" in notify


@pytest.mark.parametrize("bad", ["", "it's", "a b", "a\n", "é", "a\\"])
def test_tokens_are_plain(bad: str) -> None:
    with pytest.raises(ValueError, match="letters, digits"):
        notify_fence(Cursor(written=True), "dddp1_fence_x", bad)
    with pytest.raises(ValueError, match="letters, digits"):
        notify_fence(Cursor(written=True), bad, "t1")
