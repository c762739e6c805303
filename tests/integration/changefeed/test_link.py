"""The connection below the listener."""

from __future__ import annotations

import asyncio
from typing import Any

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict

from dddp.changefeed.link import Link, Notification
from dddp.exceptions import ListenerError


class Ends:
    """A link and what it has said."""

    def __init__(self) -> None:
        self.notifications: list[Notification] = []
        self.reasons: list[Exception] = []
        self.arrived = asyncio.Event()

    async def open(self, dsn: str) -> Link:
        return await Link.open(conninfo_to_dict(dsn), self.on_notifications, self.reasons.append)

    def on_notifications(self, notifications: list[Notification]) -> None:
        self.notifications += notifications
        self.arrived.set()


async def test_the_result_is_that_of_the_last_statement(pg_dsn: str) -> None:
    link = await Ends().open(pg_dsn)
    result = await link.execute("SELECT 1; SELECT 2", 10)
    assert result.get_value(0, 0) == b"2"
    link.close(ListenerError("enough"))


async def test_statements_wait_for_each_other(pg_dsn: str) -> None:
    link = await Ends().open(pg_dsn)
    results = await asyncio.gather(*(link.execute(f"SELECT {n}", 10) for n in range(20)))
    assert [result.get_value(0, 0) for result in results] == [b"%d" % n for n in range(20)]
    link.close(ListenerError("enough"))


async def test_an_error_of_one_statement(pg_dsn: str) -> None:
    link = await Ends().open(pg_dsn)
    bad, good = await asyncio.gather(
        link.execute("SELECT nonsense; SELECT 1", 10),
        link.execute("SELECT 1", 10),
        return_exceptions=True,
    )
    assert isinstance(bad, ListenerError)
    assert "nonsense" in str(bad)
    assert not isinstance(good, BaseException)
    link.close(ListenerError("enough"))


async def test_a_statement_larger_than_the_socket_takes(pg_dsn: str) -> None:
    link = await Ends().open(pg_dsn)
    result = await link.execute(f"SELECT length('{'x' * 30_000_000}')", 60)
    assert result.get_value(0, 0) == b"30000000"
    link.close(ListenerError("enough"))


async def test_notifications_around_an_answer(pg_dsn: str) -> None:
    """Those sent with the answer, before and behind it, come out without further traffic."""
    ends = Ends()
    link = await ends.open(pg_dsn)
    await link.execute("LISTEN x; NOTIFY x, '1'", 10)
    await asyncio.gather(link.execute("NOTIFY x, '2'", 10), link.execute("NOTIFY x, '3'", 10))
    while len(ends.notifications) < 3:
        ends.arrived.clear()
        await ends.arrived.wait()
    assert ends.notifications == [(b"x", b"1"), (b"x", b"2"), (b"x", b"3")]
    link.close(ListenerError("enough"))


async def test_the_end_fails_what_waits(pg_dsn: str, db: psycopg.Connection[Any]) -> None:
    ends = Ends()
    link = await ends.open(pg_dsn)
    (pid,) = [(await link.execute("SELECT pg_backend_pid()", 10)).get_value(0, 0)]
    assert pid is not None
    waiting = [
        asyncio.create_task(link.execute("SELECT pg_sleep(60)", 60)),
        asyncio.create_task(link.execute("SELECT 1", 60)),
    ]
    await asyncio.sleep(0)
    db.execute("SELECT pg_terminate_backend(%s)", [int(pid)])
    for outcome in await asyncio.gather(*waiting, return_exceptions=True):
        assert isinstance(outcome, ListenerError)
    assert ends.reasons == [link.closed.result()]
    with pytest.raises(ListenerError, match="closed"):
        await link.execute("SELECT 1", 10)


async def test_no_answer_in_time_ends_the_link(pg_dsn: str) -> None:
    ends = Ends()
    link = await ends.open(pg_dsn)
    with pytest.raises(ListenerError, match=r"within 0\.05 seconds"):
        await link.execute("SELECT pg_sleep(60)", 0.05)
    assert link.closed.done()
    assert len(ends.reasons) == 1
    link.close(ListenerError("once more"))
    assert len(ends.reasons) == 1


async def test_an_answer_may_take_longer_while_something_comes(pg_dsn: str) -> None:
    link = await Ends().open(pg_dsn)
    # A row goes out at once since it is larger than the server's buffer.
    rows = "SELECT repeat('x', 100000), pg_sleep(0.2) FROM generate_series(1, 8)"
    result = await link.execute(rows, 1)
    assert result.ntuples == 8
    link.close(ListenerError("enough"))


async def test_nothing_is_read_during_a_pause(pg_dsn: str) -> None:
    ends, other = Ends(), Ends()
    link, witness = await ends.open(pg_dsn), await other.open(pg_dsn)
    for each in (link, witness):
        await each.execute("LISTEN x", 10)
    link.pause()
    await witness.execute("NOTIFY x", 10)
    await other.arrived.wait()
    assert ends.notifications == []
    link.resume()
    await ends.arrived.wait()
    for each in (link, witness):
        each.close(ListenerError("enough"))
    link.resume()
