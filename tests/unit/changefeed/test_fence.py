"""When a fence is sent, and when it is refused. That it arrives: tests/integration/changefeed."""

from typing import Any

import pytest

from dddp.changefeed.fence import notify_fence


class Cursor:
    """Of psycopg 3: it begins with the result of the first statement."""

    def __init__(self, written: bool) -> None:
        self.statements: list[str] = []
        self._results = [("SET CONSTRAINTS", -1), (f"SELECT {written:d}", int(written))]

    @property
    def statusmessage(self) -> str:
        return self._results[0][0]

    @property
    def rowcount(self) -> int:
        return self._results[0][1]

    def nextset(self) -> bool:
        self._results.pop(0)
        return True

    def execute(self, sql: str) -> Any:
        self.statements.append(sql)


class LastResult(Cursor):
    """Of psycopg 2: it has the result of the last statement only."""

    def __init__(self, written: bool) -> None:
        super().__init__(written)
        super().nextset()

    def nextset(self) -> bool:
        raise NotImplementedError


@pytest.mark.parametrize("kind", [Cursor, LastResult])
@pytest.mark.parametrize("written", [True, False])
def test_one_message_asks_and_sends(kind: type[Cursor], written: bool) -> None:
    cursor = kind(written)
    assert notify_fence(cursor, "dddp1_fence_x", "t1") is written
    (statement,) = cursor.statements
    constraints, _, notify = statement.partition(";")
    assert constraints == "SET CONSTRAINTS ALL IMMEDIATE"
    assert "'dddp1_fence_x', 't1'" in notify


def test_the_commit_goes_with_it() -> None:
    cursor = Cursor(written=True)
    assert notify_fence(cursor, "dddp1_fence_x", "t1", commit=True)
    assert cursor.statements[0].endswith("; COMMIT")


@pytest.mark.parametrize("bad", ["", "it's", "a b", "a\n", "é", "a\\"])
def test_tokens_are_plain(bad: str) -> None:
    with pytest.raises(ValueError, match="letters, digits"):
        notify_fence(Cursor(written=True), "dddp1_fence_x", bad)
    with pytest.raises(ValueError, match="letters, digits"):
        notify_fence(Cursor(written=True), bad, "t1")
