"""The listener, against a real server and over links that break."""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import psycopg
import pytest
import uvloop
from psycopg.conninfo import conninfo_to_dict

from dddp.changefeed import listener as listener_module
from dddp.changefeed import triggers
from dddp.changefeed.channels import channel_for
from dddp.changefeed.fence import notify_fence
from dddp.changefeed.listener import Listener
from dddp.changefeed.payload import Fence, TableChange
from dddp.changefeed.triggers import WatchedTable
from dddp.exceptions import ListenerError
from tools.tcp_proxy import TcpProxy

Connection = psycopg.Connection[Any]


class Recorder:
    """The callbacks of a listener. What happens is in `events`; `until()` awaits something."""

    def __init__(self) -> None:
        self.batches: list[list[TableChange | Fence]] = []
        self.events: list[str] = []
        self._happened = asyncio.Condition()
        self.catch_up: Callable[[], Awaitable[None]] | None = None

    def on_batch(self, batch: list[TableChange | Fence]) -> None:
        self.batches.append(batch)
        self._tell()

    def on_lost(self) -> None:
        self.events.append("lost")
        self._tell()

    async def on_live(self) -> None:
        self.events.append("live")
        self._tell()
        if self.catch_up is not None:
            await self.catch_up()

    @property
    def messages(self) -> list[TableChange | Fence]:
        return [message for batch in self.batches for message in batch]

    @property
    def values(self) -> list[Any]:
        """The column `v` of what was inserted."""
        return [
            row[0]["v"]
            for message in self.messages
            if isinstance(message, TableChange)
            for row in message.rows or ()
        ]

    async def until(self, condition: Callable[[], bool]) -> None:
        async with self._happened:
            await self._happened.wait_for(condition)

    def _tell(self) -> None:
        asyncio.get_running_loop().create_task(self._notify())

    async def _notify(self) -> None:
        async with self._happened:
            self._happened.notify_all()


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listener_module, "FIRST_PAUSE", 0.01)
    monkeypatch.setattr(listener_module, "LONGEST_PAUSE", 0.05)


@pytest.fixture
def tables(db: Connection) -> None:
    db.execute("CREATE TABLE a (v int); CREATE TABLE b (v int)")
    triggers.install(db, [WatchedTable("a"), WatchedTable("b")])


@contextlib.asynccontextmanager
async def listening(
    dsn: str, recorder: Recorder, proxy: TcpProxy | None = None, **options: Any
) -> AsyncIterator[Listener]:
    params = conninfo_to_dict(dsn)
    if proxy is not None:
        params |= {"host": proxy.host, "port": proxy.port}
        params.pop("hostaddr", None)
    listener = Listener(
        lambda: params, recorder.on_batch, recorder.on_lost, recorder.on_live, **options
    )
    await listener.start()
    try:
        yield listener
    finally:
        await listener.stop()


@contextlib.asynccontextmanager
async def proxied(dsn: str) -> AsyncIterator[TcpProxy]:
    params = conninfo_to_dict(dsn)
    async with TcpProxy(str(params["host"]), int(params["port"] or 5432)) as proxy:
        yield proxy


async def wait_for(condition: Callable[[], bool]) -> None:
    while not condition():  # noqa: ASYNC110, there is no event for it
        await asyncio.sleep(0.005)


def kill_listeners(db: Connection) -> int:
    rows = db.execute(
        "SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity "
        "WHERE datname = current_database() AND query ~ '^(LISTEN|SELECT pg_notification)'"
    ).fetchall()
    return len(rows)


def recording_pauses(
    count: int,
) -> tuple[list[float], asyncio.Event, Callable[[float], Awaitable[None]]]:
    """The pauses taken, an event set at the `count`th, and a `sleep` that only records them."""
    pauses: list[float] = []
    enough = asyncio.Event()

    async def sleep(seconds: float) -> None:
        pauses.append(seconds)
        if len(pauses) == count:
            enough.set()
        await asyncio.sleep(0)

    return pauses, enough, sleep


@pytest.mark.usefixtures("tables")
class TestListening:
    async def test_changes_of_the_tables_listened_to(self, pg_dsn: str, db: Connection) -> None:
        recorder = Recorder()
        async with listening(pg_dsn, recorder) as listener:
            assert listener.live
            await listener.listen("a")
            db.execute("INSERT INTO b VALUES (1)")
            db.execute("INSERT INTO a VALUES (2)")
            await recorder.until(lambda: recorder.values == [2])
        assert recorder.events == []

    async def test_a_transaction_comes_in_one_batch(self, pg_dsn: str, db: Connection) -> None:
        recorder = Recorder()
        async with listening(pg_dsn, recorder) as listener:
            await asyncio.gather(listener.listen("a"), listener.listen("b"))
            with db.transaction():
                for value in range(10):
                    db.execute(f"INSERT INTO {'ab'[value % 2]} VALUES ({value})")
            await recorder.until(lambda: len(recorder.values) == 10)
        assert recorder.values == list(range(10))
        assert len(recorder.batches) == 1

    async def test_listening_again_costs_nothing(self, pg_dsn: str, db: Connection) -> None:
        async with listening(pg_dsn, Recorder()) as listener:
            await listener.listen("a")
            coroutine = listener.listen("a")
            with pytest.raises(StopIteration):
                coroutine.send(None)

    async def test_many_tables_at_once(self, pg_dsn: str, db: Connection) -> None:
        names = [f"table_{number}" for number in range(1000)]
        recorder = Recorder()
        async with listening(pg_dsn, recorder) as listener:
            await asyncio.gather(*map(listener.listen, names), listener.listen("a"))
            db.execute("INSERT INTO a VALUES (1)")
            await recorder.until(lambda: recorder.values == [1])

    async def test_a_cancelled_call_leaves_the_others_alone(
        self, pg_dsn: str, db: Connection
    ) -> None:
        recorder = Recorder()
        async with listening(pg_dsn, recorder) as listener:
            first = asyncio.create_task(listener.listen("a"))
            second = asyncio.create_task(listener.listen("b"))
            await asyncio.sleep(0)
            first.cancel()
            await second
            await listener.listen("a")
            db.execute("INSERT INTO a VALUES (1); INSERT INTO b VALUES (2)")
            await recorder.until(lambda: recorder.values == [1, 2])

    async def test_nothing_is_lost_or_out_of_order_while_listening_begins(
        self, pg_dsn: str
    ) -> None:
        """Each statement of the listener runs into notifications; transactions have two tables."""
        recorder = Recorder()
        async with (
            listening(pg_dsn, recorder) as listener,
            await psycopg.AsyncConnection.connect(pg_dsn, autocommit=True) as writer,
        ):
            await listener.listen("a")
            busy = True

            async def write() -> int:
                value = 0
                while busy:
                    value += 1
                    await writer.execute(
                        f"BEGIN; INSERT INTO a VALUES ({value}); INSERT INTO b VALUES (0);"
                        f"INSERT INTO a VALUES ({-value}); INSERT INTO b VALUES (0); COMMIT"
                    )
                return value

            writing = asyncio.create_task(write())
            for number in range(300):
                await listener.listen("b" if number == 150 else f"other_{number}")
            busy = False
            count = await writing
            await recorder.until(lambda: recorder.values[-1:] in ([-count], [0]))
            await recorder.until(lambda: -count in recorder.values)
        own = [value for value in recorder.values if value]
        assert own == [sign * value for value in range(1, count + 1) for sign in (1, -1)]
        assert recorder.events == []

    async def test_long_messages(self, pg_dsn: str, db: Connection) -> None:
        db.execute("CREATE TABLE long (v text)")
        triggers.install(db, [WatchedTable("long")])
        recorder = Recorder()
        texts = ["é\U0001f600" * 60_000, "x" * 9000, ""]
        async with listening(pg_dsn, recorder) as listener:
            await listener.listen("long")
            for text in texts:
                db.execute("INSERT INTO long VALUES (%s)", [text])
            await recorder.until(lambda: len(recorder.values) == 3)
        assert recorder.values == texts

    async def test_a_database_in_another_encoding(self, pg_dsn: str, db: Connection) -> None:
        db.execute("CREATE DATABASE dddp_latin ENCODING 'LATIN1' LOCALE 'C' TEMPLATE template0")
        dsn = psycopg.conninfo.make_conninfo(pg_dsn, dbname="dddp_latin", client_encoding="utf8")
        try:
            with psycopg.connect(dsn, autocommit=True) as latin:
                latin.execute("CREATE TABLE a (v text)")
                triggers.install(latin, [WatchedTable("a")])
                recorder = Recorder()
                async with listening(dsn, recorder) as listener:
                    await listener.listen("a")
                    latin.execute("INSERT INTO a VALUES (%s), (%s)", ["ä" * 9000, "ö"])
                    await recorder.until(lambda: len(recorder.values) == 2)
                assert recorder.values == ["ä" * 9000, "ö"]
        finally:
            db.execute("DROP DATABASE dddp_latin WITH (FORCE)")


@pytest.mark.parametrize("new_loop", [asyncio.new_event_loop, uvloop.new_event_loop])
@pytest.mark.usefixtures("tables")
def test_event_loops(pg_dsn: str, db: Connection, new_loop: Any) -> None:
    """Listening, a loss and the return on each kind of event loop."""

    async def run() -> None:
        recorder = Recorder()
        async with listening(pg_dsn, recorder) as listener:
            await listener.listen("a")
            db.execute("INSERT INTO a SELECT generate_series(1, 900)")
            await recorder.until(lambda: len(recorder.values) == 900)
            assert kill_listeners(db) == 1
            await recorder.until(lambda: recorder.events == ["lost", "live"])
            db.execute("INSERT INTO a VALUES (1000)")
            await recorder.until(lambda: recorder.values[-1] == 1000)

    with asyncio.Runner(loop_factory=new_loop) as runner:
        runner.run(run())


@pytest.mark.usefixtures("tables")
class TestFences:
    async def test_the_token_comes_behind_the_changes(self, pg_dsn: str, db: Connection) -> None:
        recorder = Recorder()
        async with listening(pg_dsn, recorder) as listener:
            await listener.listen("a")
            with db.transaction(), db.cursor() as cursor:
                cursor.execute("INSERT INTO a VALUES (1)")
                assert notify_fence(cursor, listener.fence_channel, "call:1")
            await recorder.until(lambda: len(recorder.messages) == 2)
        assert recorder.messages[1] == Fence("call:1")

    async def test_nothing_written_nothing_sent(self, pg_dsn: str, db: Connection) -> None:
        recorder = Recorder()
        async with listening(pg_dsn, recorder) as listener:
            with db.transaction(), db.cursor() as cursor:
                cursor.execute("SELECT * FROM a")
                assert not notify_fence(cursor, listener.fence_channel, "read")
            with db.transaction(force_rollback=True), db.cursor() as cursor:
                cursor.execute("INSERT INTO a VALUES (1)")
                assert notify_fence(cursor, listener.fence_channel, "undone")
            with db.transaction(), db.cursor() as cursor:
                cursor.execute("INSERT INTO a VALUES (1)")
                assert notify_fence(cursor, listener.fence_channel, "done")
            await recorder.until(lambda: Fence("done") in recorder.messages)
        assert recorder.messages == [Fence("done")]

    async def test_deferred_triggers_write_ahead_of_it(self, pg_dsn: str, db: Connection) -> None:
        db.execute(
            "CREATE FUNCTION late() RETURNS trigger LANGUAGE plpgsql "
            "AS $$ BEGIN INSERT INTO b VALUES (7); RETURN NULL; END $$"
        )
        db.execute(
            "CREATE CONSTRAINT TRIGGER late AFTER INSERT ON a DEFERRABLE INITIALLY DEFERRED "
            "FOR EACH ROW EXECUTE FUNCTION late()"
        )
        recorder = Recorder()
        async with listening(pg_dsn, recorder) as listener:
            await listener.listen("b")
            with db.transaction(), db.cursor() as cursor:
                cursor.execute("INSERT INTO a VALUES (1)")
                notify_fence(cursor, listener.fence_channel, "t")
            await recorder.until(lambda: len(recorder.messages) == 2)
        assert recorder.values == [7]
        assert recorder.messages[1] == Fence("t")

    async def test_each_listener_hears_its_own(self, pg_dsn: str) -> None:
        async with (
            listening(pg_dsn, Recorder()) as one,
            listening(pg_dsn, Recorder()) as two,
        ):
            assert one.fence_channel != two.fence_channel


class TestStart:
    async def test_no_server(self, pg_dsn: str) -> None:
        async with proxied(pg_dsn) as proxy:
            proxy.cut()
            with pytest.raises(ListenerError, match="cannot reach PostgreSQL"):
                async with listening(pg_dsn, Recorder(), proxy):
                    pass

    async def test_notifications_that_do_not_arrive(self, pg_dsn: str) -> None:
        """As through a transaction pooler; here the second connection is to another database."""
        params = conninfo_to_dict(pg_dsn)
        databases = iter([params["dbname"], "postgres"])
        recorder = Recorder()
        listener = Listener(
            lambda: params | {"dbname": next(databases)},
            recorder.on_batch,
            recorder.on_lost,
            recorder.on_live,
            answer_seconds=0.2,
        )
        with pytest.raises(ListenerError, match="DDP_LISTEN_DSN"):
            await listener.start()
        assert not listener.live
        assert recorder.events == []

    async def test_it_can_be_tried_again(self, pg_dsn: str) -> None:
        async with proxied(pg_dsn) as proxy:
            params = conninfo_to_dict(pg_dsn) | {"host": proxy.host, "port": proxy.port}
            recorder = Recorder()
            listener = Listener(
                lambda: params, recorder.on_batch, recorder.on_lost, recorder.on_live
            )
            proxy.cut()
            with pytest.raises(ListenerError):
                await listener.start()
            proxy.restore()
            await listener.start()
            assert listener.live
            await listener.stop()


@pytest.mark.usefixtures("tables")
class TestLoss:
    async def test_a_killed_backend(self, pg_dsn: str, db: Connection) -> None:
        recorder = Recorder()
        async with listening(pg_dsn, recorder) as listener:
            await listener.listen("a")
            assert kill_listeners(db) == 1
            await recorder.until(lambda: recorder.events == ["lost", "live"])
            await wait_for(lambda: listener.live)
            db.execute("INSERT INTO a VALUES (1)")
            await recorder.until(lambda: recorder.values == [1])

    async def test_again_and_again(self, pg_dsn: str, db: Connection) -> None:
        recorder = Recorder()
        async with listening(pg_dsn, recorder) as listener:
            await listener.listen("a")
            for number in range(5):
                await wait_for(lambda: listener.live)
                kill_listeners(db)
                await recorder.until(lambda n=number: len(recorder.events) == 2 * n + 2)
            await wait_for(lambda: listener.live)
        assert recorder.events == ["lost", "live"] * 5

    async def test_a_server_that_stays_away(self, pg_dsn: str, db: Connection) -> None:
        pauses, enough, sleep = recording_pauses(6)
        recorder = Recorder()
        async with (
            proxied(pg_dsn) as proxy,
            listening(pg_dsn, recorder, proxy, sleep=sleep, jitter=lambda: 1.0) as listener,
        ):
            await listener.listen("a")
            proxy.cut()
            await enough.wait()
            assert not listener.live
            assert recorder.events == ["lost"]
            proxy.restore()
            await recorder.until(lambda: recorder.events == ["lost", "live"])
            await wait_for(lambda: listener.live)
            db.execute("INSERT INTO a VALUES (1)")
            await recorder.until(lambda: recorder.values == [1])
        assert pauses[:6] == [0.01, 0.02, 0.04, 0.05, 0.05, 0.05]

    async def test_pauses_differ_between_servers(self, pg_dsn: str) -> None:
        pauses, enough, sleep = recording_pauses(4)
        source = random.Random(1)
        async with (
            proxied(pg_dsn) as proxy,
            listening(pg_dsn, Recorder(), proxy, sleep=sleep, jitter=source.random),
        ):
            proxy.cut()
            await enough.wait()
        longest = [0.01, 0.02, 0.04, 0.05]
        assert all(b / 2 <= p <= b for p, b in zip(pauses, longest, strict=False))
        assert len(set(pauses[:4])) == 4

    async def test_a_half_open_link_is_found(self, pg_dsn: str, db: Connection) -> None:
        recorder = Recorder()
        async with (
            proxied(pg_dsn) as proxy,
            listening(pg_dsn, recorder, proxy, check_seconds=0.02, answer_seconds=0.3) as listener,
        ):
            await listener.listen("a")
            proxy.pause()
            await recorder.until(lambda: recorder.events == ["lost"])
            proxy.restore()
            await recorder.until(lambda: recorder.events[-1] == "live")
            await wait_for(lambda: listener.live)
            db.execute("INSERT INTO a VALUES (1)")
            await recorder.until(lambda: recorder.values == [1])

    async def test_callers_of_listen_wait_for_the_return(self, pg_dsn: str, db: Connection) -> None:
        recorder = Recorder()
        async with proxied(pg_dsn) as proxy, listening(pg_dsn, recorder, proxy) as listener:
            proxy.cut()
            await recorder.until(lambda: recorder.events == ["lost"])
            waiting = [asyncio.create_task(listener.listen(table)) for table in ("a", "b")]
            proxy.restore()
            await asyncio.gather(*waiting)
            db.execute("INSERT INTO a VALUES (1); INSERT INTO b VALUES (2)")
            await recorder.until(lambda: recorder.values == [1, 2])

    async def test_a_loss_in_the_middle_of_listen(self, pg_dsn: str, db: Connection) -> None:
        recorder = Recorder()
        async with proxied(pg_dsn) as proxy, listening(pg_dsn, recorder, proxy) as listener:
            waiting = asyncio.create_task(listener.listen("a"))
            await asyncio.sleep(0)
            proxy.drop()
            await waiting
            db.execute("INSERT INTO a VALUES (1)")
            await recorder.until(lambda: recorder.values == [1])

    async def test_what_is_committed_while_catching_up_is_handed_over(
        self, pg_dsn: str, db: Connection
    ) -> None:
        """LISTEN comes first: a query made by on_live can miss nothing."""
        recorder = Recorder()

        async def catch_up() -> None:
            assert not listener.live
            db.execute("INSERT INTO a VALUES (1)")
            await recorder.until(lambda: recorder.values == [1])
            await listener.listen("b")
            db.execute("INSERT INTO b VALUES (2)")
            await recorder.until(lambda: recorder.values == [1, 2])

        async with listening(pg_dsn, recorder) as listener:
            await listener.listen("a")
            recorder.catch_up = catch_up
            kill_listeners(db)
            await recorder.until(lambda: recorder.values == [1, 2])
            await wait_for(lambda: listener.live)
        assert recorder.events == ["lost", "live"]

    async def test_a_loss_while_catching_up(self, pg_dsn: str, db: Connection) -> None:
        recorder = Recorder()
        cancelled = []

        async def catch_up() -> None:
            if recorder.events.count("live") == 1:
                kill_listeners(db)
                try:
                    await asyncio.Event().wait()
                except asyncio.CancelledError:
                    cancelled.append(True)
                    raise

        async with listening(pg_dsn, recorder) as listener:
            recorder.catch_up = catch_up
            kill_listeners(db)
            await recorder.until(lambda: recorder.events.count("live") == 2)
            await wait_for(lambda: listener.live)
        assert recorder.events == ["lost", "live", "lost", "live"]
        assert cancelled == [True]

    async def test_catching_up_that_fails_is_tried_again(
        self, pg_dsn: str, db: Connection, caplog: pytest.LogCaptureFixture
    ) -> None:
        recorder = Recorder()

        async def catch_up() -> None:
            if recorder.events.count("live") < 3:
                raise ValueError("not today")

        async with listening(pg_dsn, recorder) as listener:
            recorder.catch_up = catch_up
            kill_listeners(db)
            await recorder.until(lambda: recorder.events.count("live") == 3)
            await wait_for(lambda: listener.live)
        assert "not today" in caplog.text

    async def test_a_link_that_ends_as_soon_as_it_is_made(
        self, pg_dsn: str, db: Connection
    ) -> None:
        """Its last answer has come, and so has its end."""
        recorder = Recorder()
        async with listening(pg_dsn, recorder) as listener:
            check, ends = listener._queue.check, [True]

            async def check_and_end(link: Any, seconds: float) -> float:
                usage = await check(link, seconds)
                if ends and ends.pop():
                    link.close(ListenerError("The test has cut it."))
                return usage

            listener._queue.check = check_and_end
            kill_listeners(db)
            await recorder.until(lambda: "lost" in recorder.events)
            await listener.listen("b")
            db.execute("INSERT INTO b VALUES (1)")
            await recorder.until(lambda: recorder.values == [1])


@pytest.mark.usefixtures("tables")
class TestGaps:
    async def test_a_missing_message_leads_to_catching_up(
        self, pg_dsn: str, db: Connection, caplog: pytest.LogCaptureFixture
    ) -> None:
        recorder = Recorder()
        async with listening(pg_dsn, recorder) as listener:
            await listener.listen("a")
            payload = '[5,"a","I",[[{"v":1}]],1]'
            db.execute("SELECT pg_notify(%s, %s)", [channel_for("a"), payload])
            await recorder.until(lambda: recorder.events == ["lost", "live"])
            await wait_for(lambda: listener.live)
            db.execute("INSERT INTO a VALUES (2)")
            await recorder.until(lambda: recorder.values == [2])
        assert "is lost" in caplog.text

    async def test_a_batch_that_fails_leads_to_catching_up(
        self, pg_dsn: str, db: Connection, caplog: pytest.LogCaptureFixture
    ) -> None:
        recorder = Recorder()
        take = recorder.on_batch

        def on_batch(batch: list[TableChange | Fence]) -> None:
            recorder.on_batch = take
            raise ValueError("a bug")

        recorder.on_batch = lambda batch: on_batch(batch)
        params = conninfo_to_dict(pg_dsn)
        listener = Listener(
            lambda: params,
            lambda batch: recorder.on_batch(batch),
            recorder.on_lost,
            recorder.on_live,
        )
        await listener.start()
        await listener.listen("a")
        db.execute("INSERT INTO a VALUES (1)")
        await recorder.until(lambda: recorder.events == ["lost", "live"])
        await wait_for(lambda: listener.live)
        db.execute("INSERT INTO a VALUES (2)")
        await recorder.until(lambda: recorder.values == [2])
        await listener.stop()
        assert "a bug" in caplog.text


class TestStop:
    async def test_callers_of_listen_get_an_error(self, pg_dsn: str) -> None:
        recorder = Recorder()
        async with proxied(pg_dsn) as proxy, listening(pg_dsn, recorder, proxy) as listener:
            proxy.cut()
            await recorder.until(lambda: recorder.events == ["lost"])
            waiting = asyncio.create_task(listener.listen("a"))
            await asyncio.sleep(0)
            await listener.stop()
            with pytest.raises(ListenerError, match="stopped"):
                await waiting
            with pytest.raises(ListenerError, match="stopped"):
                await listener.listen("b")

    async def test_nothing_is_left_at_the_server(self, pg_dsn: str, db: Connection) -> None:
        recorder = Recorder()
        async with listening(pg_dsn, recorder) as listener:
            pass
        assert not listener.live
        assert recorder.events == []

        def alone() -> bool:
            row = db.execute(
                "SELECT count(*) FROM pg_stat_activity "
                "WHERE datname = current_database() AND pid <> pg_backend_pid()"
            ).fetchone()
            return row == (0,)

        await wait_for(alone)

    async def test_twice(self, pg_dsn: str) -> None:
        async with listening(pg_dsn, Recorder()) as listener:
            await listener.stop()

    async def test_in_the_middle_of_a_loss(self, pg_dsn: str) -> None:
        recorder = Recorder()
        async with proxied(pg_dsn) as proxy, listening(pg_dsn, recorder, proxy) as listener:
            proxy.pause()
            proxy.drop()
            await recorder.until(lambda: recorder.events == ["lost"])
            await listener.stop()


async def test_the_fill_of_the_queue_is_known(pg_dsn: str) -> None:
    async with listening(pg_dsn, Recorder(), check_seconds=0.01) as listener:
        listener.queue_usage = -1.0
        await wait_for(lambda: listener.queue_usage >= 0)
        assert 0 <= listener.queue_usage < 1
