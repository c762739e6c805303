"""Installing triggers, and knowing what is installed."""

from __future__ import annotations

import threading
from typing import Any

import psycopg
import pytest
from reading import Feed

from dddp.changefeed import ddl, triggers
from dddp.changefeed.triggers import TriggerStatus, WatchedTable

Connection = psycopg.Connection[Any]
BOOK = WatchedTable("book")
AUTHOR = WatchedTable("author", hidden=("secret",))


@pytest.fixture(autouse=True)
def tables(db: Connection) -> None:
    db.execute("CREATE TABLE book (id int); CREATE TABLE author (id int, secret text)")


def states(db: Connection, *tables: WatchedTable) -> list[str]:
    return [status.state for status in triggers.status(db, tables)]


class TestStatus:
    def test_before_and_after(self, db: Connection) -> None:
        assert states(db, BOOK, AUTHOR) == ["missing", "missing"]
        triggers.install(db, [BOOK])
        assert states(db, BOOK, AUTHOR) == ["installed", "missing"]

    def test_the_order_is_that_of_the_question(self, db: Connection) -> None:
        triggers.install(db, [AUTHOR])
        assert [each.table for each in triggers.status(db, [BOOK, AUTHOR])] == ["book", "author"]
        assert states(db, AUTHOR, BOOK) == ["installed", "missing"]

    @pytest.mark.parametrize(
        "table", [WatchedTable("book", hidden=("id",)), WatchedTable("book", bulk_rows=5)]
    )
    def test_other_hidden_columns_or_limits_are_outdated(
        self, db: Connection, table: WatchedTable
    ) -> None:
        triggers.install(db, [BOOK])
        assert states(db, table) == ["outdated"]
        assert triggers.install(db, [table]) == ["public.book"]
        assert states(db, table, BOOK) == ["installed", "outdated"]

    @pytest.mark.parametrize(
        "damage",
        [
            f"DROP TRIGGER dddp1_insert_{BOOK.key} ON book",
            f"ALTER TABLE book DISABLE TRIGGER dddp1_insert_{BOOK.key}",
            "ALTER TABLE book DISABLE TRIGGER ALL",
            f"COMMENT ON TRIGGER dddp1_insert_{BOOK.key} ON book IS 'other source'",
            "COMMENT ON FUNCTION dddp.v1_update() IS 'other source'",
            "DROP FUNCTION dddp.v1_send",
            "CREATE TABLE child () INHERITS (book)",
        ],
    )
    def test_damage_is_seen_and_repaired(self, db: Connection, feed: Feed, damage: str) -> None:
        feed.watch(BOOK)
        db.execute(damage)
        assert states(db, BOOK) == ["outdated"]
        triggers.install(db, [BOOK])
        assert states(db, BOOK) == ["installed"]
        db.execute("INSERT INTO book VALUES (1)")
        assert feed.rows() == [("I", {"id": 1})]

    def test_details_name_what_differs(self, db: Connection) -> None:
        triggers.install(db, [BOOK])
        db.execute('CREATE TABLE "Child" () INHERITS (book)')
        (status,) = triggers.status(db, [BOOK])
        assert status == TriggerStatus("book", "outdated", 'Differs on public."Child".')

    def test_no_table(self, db: Connection) -> None:
        db.execute("CREATE VIEW shelf AS TABLE book")
        view, nothing = WatchedTable("shelf"), WatchedTable('"no"."where"')
        assert triggers.watchable(db, [view, BOOK, nothing]) == [BOOK]
        assert triggers.install(db, [view, nothing]) == []
        assert triggers.status(db, [view, nothing]) == [
            TriggerStatus("shelf", "missing", "It is not a table."),
            TriggerStatus('"no"."where"', "missing", "There is no such table."),
        ]

    def test_no_tables(self, db: Connection) -> None:
        assert triggers.status(db, []) == []
        assert triggers.install(db, []) == []


class TestInstall:
    def test_only_what_differs_is_touched(self, db: Connection) -> None:
        assert triggers.install(db, [BOOK]) == ["public.book"]
        assert triggers.install(db, [BOOK, AUTHOR]) == ["public.author"]
        assert triggers.install(db, [BOOK, AUTHOR]) == []

    def test_nothing_is_locked_when_nothing_differs(self, db: Connection, pg_dsn: str) -> None:
        triggers.install(db, [BOOK])
        with psycopg.connect(pg_dsn) as other:
            other.execute("LOCK TABLE book IN ACCESS EXCLUSIVE MODE")
            db.execute("SET statement_timeout = '5s'")
            assert triggers.install(db, [BOOK]) == []
            assert states(db, BOOK) == ["installed"]

    def test_a_table_in_use_makes_it_give_up(
        self, db: Connection, pg_dsn: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(triggers, "LOCK_TIMEOUT", "50ms")
        with psycopg.connect(pg_dsn) as writer:
            writer.execute("INSERT INTO author VALUES (1)")
            with pytest.raises(psycopg.errors.LockNotAvailable):
                triggers.install(db, [BOOK, AUTHOR])
        assert states(db, BOOK, AUTHOR) == ["missing", "missing"]
        assert db.execute("SHOW lock_timeout").fetchone() == ("0",)

    def test_several_at_once(self, db: Connection, pg_dsn: str) -> None:
        changed: list[list[str]] = []
        start = threading.Barrier(8)

        def install() -> None:
            with psycopg.connect(pg_dsn, autocommit=True) as connection:
                start.wait()
                changed.append(triggers.install(connection, [BOOK, AUTHOR]))

        threads = [threading.Thread(target=install) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert sorted(changed) == [[]] * 7 + [["public.book", "public.author"]]
        assert states(db, BOOK, AUTHOR) == ["installed", "installed"]

    def test_writers_go_on_while_it_is_installed_anew(
        self, db: Connection, feed: Feed, pg_dsn: str
    ) -> None:
        feed.watch(BOOK)
        rounds = 20
        done = threading.Event()

        def write() -> None:
            with psycopg.connect(pg_dsn, autocommit=True) as connection:
                while not done.is_set():
                    connection.execute("INSERT INTO book VALUES (1)")

        writer = threading.Thread(target=write)
        writer.start()
        for number in range(rounds):
            triggers.install(db, [WatchedTable("book", bulk_rows=100 + number)])
            db.execute("COMMENT ON FUNCTION dddp.v1_rows() IS NULL")
        done.set()
        writer.join()
        (written,) = db.execute("SELECT count(*) FROM book").fetchone() or (0,)
        assert len(feed.rows()) == written > 0

    def test_a_privilege_of_public_is_not_needed(self, db: Connection) -> None:
        db.execute("ALTER DEFAULT PRIVILEGES REVOKE EXECUTE ON FUNCTIONS FROM PUBLIC")
        triggers.install(db, [BOOK])
        db.execute("CREATE ROLE dddp_writer")
        try:
            db.execute("GRANT INSERT ON book TO dddp_writer; SET ROLE dddp_writer")
            db.execute("INSERT INTO book VALUES (1)")
        finally:
            db.execute("RESET ROLE; DROP OWNED BY dddp_writer; DROP ROLE dddp_writer")

    def test_triggers_of_another_version_stay(self, db: Connection) -> None:
        triggers.install(db, [BOOK])
        source = ddl.function_source().replace("v1_", "v0_")
        db.execute(source)
        db.execute(
            "CREATE TRIGGER dddp0_insert_x AFTER INSERT ON book REFERENCING NEW TABLE AS dddp_rows "
            "FOR EACH STATEMENT EXECUTE FUNCTION dddp.v0_rows('dddp0_book', 'book', '10')"
        )
        assert triggers.install(db, [BOOK, AUTHOR]) == ["public.author"]
        db.execute("LISTEN dddp0_book")
        db.execute("INSERT INTO book VALUES (1)")
        assert [item.channel for item in db.notifies(timeout=10, stop_after=1)] == ["dddp0_book"]


class TestMovedTables:
    def test_a_renamed_table(self, db: Connection, feed: Feed) -> None:
        """Its old name may become another table's."""
        feed.watch(BOOK)
        db.execute("ALTER TABLE book RENAME TO tome; CREATE TABLE book (title text)")
        feed.watch(BOOK, WatchedTable("tome"))
        db.execute("INSERT INTO tome VALUES (1); INSERT INTO book VALUES ('x')")
        assert [(change.table, change.rows) for change in feed.take()] == [
            ("tome", [[{"id": 1}]]),
            ("book", [[{"title": "x"}]]),
        ]

    def test_a_detached_partition(self, db: Connection, feed: Feed) -> None:
        db.execute("CREATE TABLE log (id int) PARTITION BY RANGE (id)")
        db.execute("CREATE TABLE log1 PARTITION OF log FOR VALUES FROM (0) TO (10)")
        log = WatchedTable("log")
        feed.watch(log)
        db.execute("ALTER TABLE log DETACH PARTITION log1")
        assert triggers.status(db, [log])[0].detail == "Differs on public.log1."
        triggers.install(db, [log])
        db.execute("INSERT INTO log1 VALUES (1)")
        assert feed.take() == []

    def test_a_partition_attached_later(self, db: Connection, feed: Feed) -> None:
        db.execute("CREATE TABLE log (id int) PARTITION BY RANGE (id)")
        log = WatchedTable("log")
        feed.watch(log)
        db.execute("CREATE TABLE log1 PARTITION OF log FOR VALUES FROM (0) TO (10)")
        db.execute("INSERT INTO log VALUES (1)")
        assert feed.rows() == [("I", {"id": 1})]
        assert states(db, log) == ["outdated"]
        assert triggers.install(db, [log]) == ["public.log1"]
        db.execute("INSERT INTO log1 VALUES (2)")
        assert feed.rows() == [("I", {"id": 2})]


class TestUninstall:
    def test_everything_goes(self, db: Connection, feed: Feed) -> None:
        feed.watch(BOOK, AUTHOR)
        triggers.uninstall(db)
        assert states(db, BOOK, AUTHOR) == ["missing", "missing"]
        row = db.execute(
            "SELECT count(*), to_regnamespace('dddp') IS NULL FROM pg_trigger"
        ).fetchone()
        assert row == (0, True)
        db.execute("INSERT INTO book VALUES (1)")
        assert feed.take() == []

    def test_what_is_not_ours_stays(self, db: Connection) -> None:
        triggers.install(db, [BOOK])
        db.execute("CREATE TABLE dddp.mine (id int)")
        db.execute(
            "CREATE FUNCTION mine() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END'"
        )
        db.execute("CREATE TRIGGER mine AFTER INSERT ON book EXECUTE FUNCTION mine()")
        triggers.uninstall(db)
        assert db.execute("SELECT tgname FROM pg_trigger").fetchall() == [("mine",)]
        assert db.execute("TABLE dddp.mine").fetchall() == []

    def test_where_nothing_is_installed(self, db: Connection) -> None:
        triggers.uninstall(db)

    def test_and_installed_again(self, db: Connection) -> None:
        triggers.install(db, [BOOK])
        triggers.uninstall(db)
        triggers.install(db, [BOOK])
        assert states(db, BOOK) == ["installed"]
