"""What the triggers report, for every way of writing."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import psycopg
import pytest
from psycopg import sql
from reading import Feed

from dddp.changefeed.payload import TableChange
from dddp.changefeed.triggers import WatchedTable

Connection = psycopg.Connection[Any]


def row(id: int, title: str, pages: int = 0) -> dict[str, Any]:
    return {"id": id, "title": title, "pages": pages}


@pytest.mark.usefixtures("book")
class TestWaysOfWriting:
    def test_insert(self, db: Connection, feed: Feed) -> None:
        db.execute("INSERT INTO book VALUES (3, 'Three')")
        assert feed.rows() == [("I", row(3, "Three"))]

    def test_update_reports_new_and_old(self, db: Connection, feed: Feed) -> None:
        db.execute("UPDATE book SET pages = 11 WHERE id = 1")
        assert feed.rows() == [("U", [row(1, "One", 11), row(1, "One", 10)])]

    def test_delete(self, db: Connection, feed: Feed) -> None:
        db.execute("DELETE FROM book WHERE id = 1")
        assert feed.rows() == [("D", row(1, "One", 10))]

    def test_truncate(self, db: Connection, feed: Feed) -> None:
        db.execute("TRUNCATE book")
        (change,) = feed.take()
        assert (change.table, change.op, change.rows) == ("book", "T", None)

    def test_rows_of_one_statement_share_a_message(self, db: Connection, feed: Feed) -> None:
        db.execute("UPDATE book SET pages = pages + 1")
        (change,) = feed.take()
        assert change.rows is not None
        assert [new["pages"] for new, _ in change.rows] == [11, 21]
        assert [old["pages"] for _, old in change.rows] == [10, 20]

    def test_copy(self, db: Connection, feed: Feed) -> None:
        with db.cursor() as cursor, cursor.copy("COPY book FROM STDIN") as copy:
            for number in (3, 4):
                copy.write_row((number, "Copied", 0))
        assert feed.rows() == [("I", row(3, "Copied")), ("I", row(4, "Copied"))]

    def test_merge(self, db: Connection, feed: Feed) -> None:
        if db.info.server_version < 150000:
            pytest.skip("PostgreSQL 15 has the first MERGE")
        db.execute(
            "MERGE INTO book USING (VALUES (1, 'Uno'), (2, NULL), (3, 'Tre')) AS s(id, title) "
            "ON book.id = s.id WHEN MATCHED AND s.title IS NULL THEN DELETE "
            "WHEN MATCHED THEN UPDATE SET title = s.title "
            "WHEN NOT MATCHED THEN INSERT VALUES (s.id, s.title)"
        )
        assert sorted(feed.rows(), key=lambda item: item[0]) == [
            ("D", row(2, "Two", 20)),
            ("I", row(3, "Tre")),
            ("U", [row(1, "Uno", 10), row(1, "One", 10)]),
        ]

    def test_upsert(self, db: Connection, feed: Feed) -> None:
        db.execute(
            "INSERT INTO book VALUES (1, 'Uno'), (3, 'Tre') "
            "ON CONFLICT (id) DO UPDATE SET title = excluded.title"
        )
        assert sorted(feed.rows(), key=lambda item: item[0]) == [
            ("I", row(3, "Tre")),
            ("U", [row(1, "Uno", 10), row(1, "One", 10)]),
        ]

    def test_an_upsert_that_does_nothing(self, db: Connection, feed: Feed) -> None:
        db.execute("INSERT INTO book VALUES (1, 'Uno') ON CONFLICT DO NOTHING")
        assert feed.take() == []

    def test_writable_cte(self, db: Connection, feed: Feed) -> None:
        db.execute(
            "WITH gone AS (DELETE FROM book WHERE id = 1 RETURNING *), "
            "more AS (UPDATE book SET pages = 21 WHERE id = 2) "
            "INSERT INTO book SELECT id + 10, title, pages FROM gone"
        )
        assert sorted(feed.rows(), key=lambda item: item[0]) == [
            ("D", row(1, "One", 10)),
            ("I", row(11, "One", 10)),
            ("U", [row(2, "Two", 21), row(2, "Two", 20)]),
        ]

    def test_cascades_in_the_database(self, db: Connection, feed: Feed) -> None:
        db.execute(
            "CREATE TABLE page (id int PRIMARY KEY, "
            "book_id int REFERENCES book ON DELETE CASCADE ON UPDATE CASCADE)"
        )
        db.execute("INSERT INTO page VALUES (1, 1), (2, 1), (3, 2)")
        feed.watch("page")
        db.execute("UPDATE book SET id = 7 WHERE id = 2")
        db.execute("DELETE FROM book WHERE id = 1")
        pages = [item for item in feed.rows() if "book_id" in str(item)]
        assert pages == [
            ("U", [{"id": 3, "book_id": 7}, {"id": 3, "book_id": 2}]),
            ("D", {"id": 1, "book_id": 1}),
            ("D", {"id": 2, "book_id": 1}),
        ]

    def test_a_function_that_writes(self, db: Connection, feed: Feed) -> None:
        db.execute("DO $$ BEGIN DELETE FROM book WHERE id = 1; DELETE FROM book; END $$")
        assert feed.rows() == [("D", row(1, "One", 10)), ("D", row(2, "Two", 20))]


@pytest.mark.usefixtures("book")
class TestCommitOnly:
    def test_a_rolled_back_transaction(self, db: Connection, feed: Feed) -> None:
        with db.transaction(force_rollback=True):
            db.execute("DELETE FROM book")
        assert feed.take() == []

    def test_nothing_comes_before_the_commit(self, db: Connection, feed: Feed) -> None:
        with db.transaction():
            db.execute("DELETE FROM book WHERE id = 1")
            assert feed.take() == []
        assert feed.rows() == [("D", row(1, "One", 10))]

    def test_a_rolled_back_savepoint(self, db: Connection, feed: Feed) -> None:
        with db.transaction():
            db.execute("UPDATE book SET pages = 1 WHERE id = 1")
            with db.transaction(force_rollback=True):
                db.execute("UPDATE book SET pages = 2 WHERE id = 1")
            db.execute("UPDATE book SET pages = 3 WHERE id = 1")
        assert [new["pages"] for _, (new, _) in feed.rows()] == [1, 3]

    def test_savepoints_report_the_outermost_transaction(self, db: Connection, feed: Feed) -> None:
        with db.transaction():
            with db.transaction():
                db.execute("UPDATE book SET pages = 2 WHERE id = 1")
            db.execute("UPDATE book SET pages = 3 WHERE id = 1")
            (xid,) = db.execute("SELECT pg_current_xact_id()::text").fetchone() or ()
        assert [change.xid for change in feed.take()] == [int(xid), int(xid)]

    def test_transactions_come_in_the_order_of_their_commits(
        self, db: Connection, feed: Feed, pg_dsn: str
    ) -> None:
        with psycopg.connect(pg_dsn) as late:
            late.execute("UPDATE book SET pages = 1 WHERE id = 1")
            db.execute("UPDATE book SET pages = 2 WHERE id = 2")
        assert [new["id"] for _, (new, _) in feed.rows()] == [2, 1]

    def test_equal_changes_in_a_transaction_are_all_reported(
        self, db: Connection, feed: Feed
    ) -> None:
        with db.transaction():
            for pages in (0, 1, 0, 1):
                db.execute("UPDATE book SET pages = %s WHERE id = 1", [pages])
        changes = feed.take()
        assert [change.n for change in changes] == [0, 1, 2, 3]
        assert [change.rows[0][0]["pages"] for change in changes if change.rows] == [0, 1, 0, 1]

    def test_each_table_counts_its_own_messages(self, db: Connection, feed: Feed) -> None:
        db.execute("CREATE TABLE author (id int PRIMARY KEY)")
        feed.watch("author")
        with db.transaction():
            db.execute("DELETE FROM book WHERE id = 1")
            db.execute("INSERT INTO author VALUES (1)")
            db.execute("DELETE FROM book WHERE id = 2")
        assert [(change.table, change.n) for change in feed.take()] == [
            ("book", 0),
            ("author", 0),
            ("book", 1),
        ]


@pytest.mark.usefixtures("book")
class TestNothingChanged:
    def test_an_update_to_the_same_values(self, db: Connection, feed: Feed) -> None:
        db.execute("UPDATE book SET title = title, pages = pages")
        assert feed.take() == []

    def test_only_the_rows_that_changed(self, db: Connection, feed: Feed) -> None:
        db.execute("UPDATE book SET pages = 10")
        assert feed.rows() == [("U", [row(2, "Two", 10), row(2, "Two", 20)])]

    @pytest.mark.parametrize("statement", ["UPDATE book SET pages = 1", "DELETE FROM book"])
    def test_a_statement_without_rows_assigns_no_transaction_id(
        self, db: Connection, feed: Feed, statement: str
    ) -> None:
        with db.transaction():
            db.execute(f"{statement} WHERE id = 99")
            db.execute("INSERT INTO book SELECT 1 WHERE false")
            row = db.execute("SELECT pg_current_xact_id_if_assigned() IS NULL").fetchone()
        assert row == (True,)
        assert feed.take() == []

    def test_values_that_compare_equal_but_differ(self, db: Connection, feed: Feed) -> None:
        """json has no `=`; for numeric 1.0 = 1.00."""
        db.execute("CREATE TABLE odd (id int, j json, p point, x numeric)")
        db.execute("""INSERT INTO odd VALUES (1, '{"a": 1}', '(1,2)', 1.0)""")
        feed.watch("odd")
        db.execute("UPDATE odd SET x = 1.00")
        db.execute("""UPDATE odd SET j = '{"a":  1}'""")
        db.execute("UPDATE odd SET p = '(1,3)'")
        db.execute("UPDATE odd SET p = '(1,3)'")
        assert len(feed.take()) == 3

    def test_case_in_citext(self, db: Connection, feed: Feed) -> None:
        try:
            db.execute("CREATE EXTENSION citext")
        except psycopg.Error:
            pytest.skip("citext is not installed")
        db.execute("CREATE TABLE tag (name citext)")
        db.execute("INSERT INTO tag VALUES ('Ci')")
        feed.watch("tag")
        db.execute("UPDATE tag SET name = 'ci'")
        assert feed.rows() == [("U", [{"name": "ci"}, {"name": "Ci"}])]


@pytest.mark.usefixtures("book")
class TestPairing:
    def test_primary_keys_that_change(self, db: Connection, feed: Feed) -> None:
        db.execute("UPDATE book SET id = 30 - id, pages = pages + 1")
        assert [(old["id"], new["id"]) for _, (new, old) in feed.rows()] == [(1, 29), (2, 28)]

    def test_primary_keys_that_are_swapped(self, db: Connection, feed: Feed) -> None:
        db.execute("ALTER TABLE book DROP CONSTRAINT book_pkey")
        db.execute("UPDATE book SET id = 3 - id")
        assert [(old["title"], new["title"]) for _, (new, old) in feed.rows()] == [
            ("One", "One"),
            ("Two", "Two"),
        ]

    def test_after_many_one_row_statements(self, db: Connection, feed: Feed) -> None:
        """Plans made for one row serve statements of many rows in the same session."""
        feed.watch(WatchedTable("book", bulk_rows=5000))
        for _ in range(10):
            db.execute("UPDATE book SET pages = pages + 1 WHERE id = 1")
        db.execute("INSERT INTO book SELECT g, 'x', 0 FROM generate_series(100, 4099) g")
        feed.take()
        db.execute("UPDATE book SET id = id + 10000 WHERE id >= 100")
        pairs = [(new["id"], old["id"]) for _, (new, old) in feed.rows()]
        assert len(pairs) == 4000
        assert all(new == old + 10000 for new, old in pairs)

    def test_writes_of_row_triggers(self, db: Connection, feed: Feed) -> None:
        """They are reported, ahead of the statement that caused them."""
        db.execute(
            "CREATE FUNCTION double() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
            "UPDATE book SET pages = 2 * NEW.pages WHERE id = NEW.id AND pages < 100; "
            "RETURN NULL; END $$"
        )
        db.execute(
            "CREATE TRIGGER double AFTER UPDATE ON book FOR EACH ROW "
            "WHEN (OLD.pages < 50) EXECUTE FUNCTION double()"
        )
        db.execute("UPDATE book SET pages = 50 WHERE id = 1")
        steps = {(old["pages"], new["pages"]) for _, (new, old) in feed.rows()}
        assert steps == {(10, 50), (50, 100)}


@pytest.mark.usefixtures("book")
class TestLongMessages:
    @pytest.mark.parametrize("character", ["x", "ß", "語", "\U0001f600", '"', "\\", "\x01"])
    @pytest.mark.parametrize("length", [1800, 7800, 7990, 8000, 50_000])
    def test_a_long_row_arrives_whole(
        self, db: Connection, feed: Feed, character: str, length: int
    ) -> None:
        text = character * length
        db.execute("INSERT INTO book VALUES (3, %s)", [text])
        assert feed.rows() == [("I", row(3, text))]

    def test_every_length_around_the_limit(self, db: Connection, feed: Feed) -> None:
        lengths = range(7900, 8010)
        for length in lengths:
            db.execute("UPDATE book SET title = repeat('x', %s) WHERE id = 1", [length])
            db.execute("DELETE FROM book WHERE id = 1")
            db.execute("INSERT INTO book VALUES (1, %s)", ["y" * length])
        rows = feed.rows()
        assert [len(item["title"]) for op, item in rows if op == "I"] == list(lengths)

    def test_many_rows_come_in_several_messages(self, db: Connection, feed: Feed) -> None:
        db.execute("INSERT INTO book SELECT g, repeat('é', g), 0 FROM generate_series(3, 900) g")
        changes = feed.take()
        ids = [new["id"] for change in changes for (new,) in change.rows or ()]
        assert ids == list(range(3, 901))
        assert len(changes) > 1
        assert [change.n for change in changes] == list(range(len(changes)))

    def test_a_huge_row_is_not_listed(self, db: Connection, feed: Feed) -> None:
        db.execute("UPDATE book SET title = repeat('x', 2000000) WHERE id = 1")
        (change,) = feed.take()
        assert (change.op, change.rows) == ("U", None)


@pytest.mark.usefixtures("book")
class TestBulk:
    def test_more_rows_than_the_limit_are_not_listed(self, db: Connection, feed: Feed) -> None:
        feed.watch(WatchedTable("book", bulk_rows=10))
        db.execute("INSERT INTO book SELECT g, '', 0 FROM generate_series(101, 111) g")
        db.execute("UPDATE book SET pages = 1 WHERE id > 100")
        db.execute("DELETE FROM book WHERE id > 100")
        assert [(change.op, change.rows, change.table) for change in feed.take()] == [
            ("I", None, "book"),
            ("U", None, "book"),
            ("D", None, "book"),
        ]

    def test_as_many_rows_as_the_limit_are_listed(self, db: Connection, feed: Feed) -> None:
        feed.watch(WatchedTable("book", bulk_rows=10))
        db.execute("INSERT INTO book SELECT g, '', 0 FROM generate_series(101, 110) g")
        db.execute("UPDATE book SET pages = 1 WHERE id > 100")
        db.execute("DELETE FROM book WHERE id > 100")
        assert [len(change.rows or ()) for change in feed.take()] == [10, 10, 10]


class TestColumns:
    def test_hidden_columns_stay_in_the_database(self, db: Connection, feed: Feed) -> None:
        db.execute('CREATE TABLE account (id int, "pass word" text, secret text, name text)')
        feed.watch(WatchedTable("account", hidden=("secret", "pass word")))
        db.execute("INSERT INTO account VALUES (1, 'hush', 'hush', 'a'), (2, 'hush', 'hush', 'b')")
        db.execute("UPDATE account SET name = 'c' WHERE id = 1")
        db.execute("UPDATE account SET name = name || 'd'")
        db.execute("DELETE FROM account")
        rows = feed.rows()
        assert len(rows) == 7
        assert "hush" not in str(rows)
        assert rows[0] == ("I", {"id": 1, "name": "a"})
        assert rows[2] == ("U", [{"id": 1, "name": "c"}, {"id": 1, "name": "a"}])

    def test_a_change_of_a_hidden_column_is_a_change(self, db: Connection, feed: Feed) -> None:
        db.execute("CREATE TABLE account (id int, secret text)")
        db.execute("INSERT INTO account VALUES (1, 'a')")
        feed.watch(WatchedTable("account", hidden=("secret",)))
        db.execute("UPDATE account SET secret = 'b'")
        assert feed.rows() == [("U", [{"id": 1}, {"id": 1}])]

    def test_any_column_name(self, db: Connection, feed: Feed) -> None:
        names = ["new", "old", "n", "rows", "head", "channel", "item", "batch", "tg_op", "counter"]
        names += [
            "dddp_rows",
            "dddp_new",
            "dddp_old",
            "dddp__list",
            "dddp__n",
            "dddp__r",
            "tg_argv",
        ]
        names += ["select", "Größe", 'quote"d', "{}", "per%cent", "comma,", "sp ace", "a'b"]
        columns = sql.SQL(", ").join(sql.SQL("{} int").format(sql.Identifier(n)) for n in names)
        db.execute(sql.SQL("CREATE TABLE clash ({})").format(columns))
        feed.watch("clash")
        first = dict(zip(names, range(len(names)), strict=True))
        db.execute(
            sql.SQL("INSERT INTO clash VALUES ({0}), ({0})").format(
                sql.SQL(", ").join(map(sql.Literal, first.values()))
            )
        )
        db.execute('UPDATE clash SET "new" = 100')
        db.execute("DELETE FROM clash")
        second = {**first, "new": 100}
        assert (
            feed.rows() == [("I", first)] * 2 + [("U", [second, first])] * 2 + [("D", second)] * 2
        )

    def test_columns_come_and_go_within_a_session(self, db: Connection, feed: Feed) -> None:
        db.execute("CREATE TABLE t (id int, a int)")
        feed.watch("t")
        db.execute("INSERT INTO t VALUES (1, 1), (2, 2)")
        db.execute("UPDATE t SET a = 2 WHERE id = 1")
        db.execute("UPDATE t SET a = a + 1")
        db.execute("ALTER TABLE t ADD COLUMN b text DEFAULT 'new'")
        db.execute("UPDATE t SET a = 5 WHERE id = 1")
        db.execute("UPDATE t SET a = a + 1")
        db.execute("ALTER TABLE t DROP COLUMN a")
        db.execute("UPDATE t SET b = 'newer' WHERE id = 1")
        db.execute("ALTER TABLE t ALTER COLUMN id TYPE text USING id || '!'")
        db.execute("UPDATE t SET b = b || '.'")
        db.execute("ALTER TABLE t RENAME COLUMN b TO c")
        db.execute("DELETE FROM t WHERE id = '1!'")
        rows = feed.rows()
        assert rows[5] == ("U", [{"id": 1, "a": 5, "b": "new"}, {"id": 1, "a": 3, "b": "new"}])
        assert rows[8] == ("U", [{"id": 1, "b": "newer"}, {"id": 1, "b": "new"}])
        assert rows[9] in [
            ("U", [{"id": "1!", "b": "newer."}, {"id": "1!", "b": "newer"}]),
            ("U", [{"id": "2!", "b": "new."}, {"id": "2!", "b": "new"}]),
        ]
        assert rows[-1] == ("D", {"id": "1!", "c": "newer."})

    def test_a_row_that_cannot_be_rendered_does_not_stop_the_writer(
        self, db: Connection, feed: Feed
    ) -> None:
        """jsonb, which hiding a column needs, refuses what json takes."""
        db.execute("CREATE TABLE t (id int, secret text, j json)")
        feed.watch(WatchedTable("t", hidden=("secret",)))
        db.execute("""INSERT INTO t VALUES (1, 's', '"\\u0000"')""")
        db.execute("UPDATE t SET id = 2")
        db.execute("UPDATE t SET j = '1'")
        db.execute("UPDATE t SET j = '2'")
        assert [(change.op, change.rows is None) for change in feed.take()] == [
            ("I", True),
            ("U", True),
            ("U", True),
            ("U", False),
        ]


class TestValues:
    EXPRESSIONS = {
        "123456789012345678901234567890.123456789012345678901234567890::numeric": Decimal(
            "123456789012345678901234567890.123456789012345678901234567890"
        ),
        "1.50::numeric(10,2)": Decimal("1.50"),
        "9007199254740993::bigint": 9007199254740993,
        "'NaN'::numeric": "NaN",
        "'-Infinity'::float8": "-Infinity",
        "0.1::float8": Decimal("0.1"),
        "0.1::float8 + 0.2::float8": Decimal("0.30000000000000004"),
        "1e-300::float8": Decimal("1e-300"),
        "true": True,
        "NULL::text": None,
        "'2024-02-29 13:14:15.123456+02'::timestamptz": "2024-02-29T11:14:15.123456+00:00",
        "'2024-02-29 13:14:15'::timestamp": "2024-02-29T13:14:15",
        "'infinity'::timestamptz": "infinity",
        "'0044-03-15 BC'::date": "0044-03-15 BC",
        "'1 year 2 days 03:04:05.6'::interval": "1 year 2 days 03:04:05.6",
        "'\\xdeadbeef'::bytea": "\\xdeadbeef",
        "ARRAY[1.5, NULL]::numeric[]": [Decimal("1.5"), None],
        """'{"b": [1.10, "x"]}'::jsonb""": {"b": [Decimal("1.10"), "x"]},
        "'[2024-01-02,2024-03-04)'::daterange": "[2024-01-02,2024-03-04)",
        "'a''b\"c\\d\né\U0001f600'::text": "a'b\"c\\d\né\U0001f600",
    }

    def test_rendering_does_not_depend_on_the_session(self, db: Connection, feed: Feed) -> None:
        columns = ", ".join(f"{text} AS c{i}" for i, text in enumerate(self.EXPRESSIONS))
        db.execute(f"CREATE TABLE v AS SELECT {columns} LIMIT 0")
        feed.watch("v")
        for setting in (
            "TimeZone = 'Asia/Kathmandu'",
            "DateStyle = 'German'",
            "IntervalStyle = 'iso_8601'",
            "bytea_output = 'escape'",
            "extra_float_digits = -15",
        ):
            db.execute(f"SET {setting}")
        db.execute(f"INSERT INTO v VALUES ({', '.join(self.EXPRESSIONS)})")
        ((_, found),) = feed.rows()
        assert list(found.values()) == list(self.EXPRESSIONS.values())
        assert db.execute("SHOW TimeZone").fetchone() == ("Asia/Kathmandu",)


@pytest.mark.usefixtures("book")
class TestWriters:
    @pytest.mark.parametrize("path", ["", '""', "pg_temp", "elsewhere, pg_catalog"])
    def test_any_search_path(self, db: Connection, feed: Feed, path: str) -> None:
        db.execute("CREATE SCHEMA elsewhere")
        db.execute("SELECT set_config('search_path', %s, false)", [path])
        db.execute("INSERT INTO public.book VALUES (3, 'x')")
        db.execute("UPDATE public.book SET pages = 7")
        db.execute("DELETE FROM public.book WHERE id = 3")
        db.execute("TRUNCATE public.book")
        assert [change.op for change in feed.take()] == ["I", "U", "D", "T"]

    def test_a_writer_who_may_hardly_do_anything(self, db: Connection, feed: Feed) -> None:
        """No SELECT, nothing for PUBLIC."""
        db.execute("CREATE ROLE dddp_poor")
        try:
            db.execute("GRANT INSERT, UPDATE, DELETE, TRUNCATE ON book TO dddp_poor")
            db.execute("SET ROLE dddp_poor")
            db.execute("INSERT INTO book VALUES (3, %s)", ["x" * 9000])
            db.execute("UPDATE book SET pages = 7")
            db.execute("DELETE FROM book")
            db.execute("TRUNCATE book")
        finally:
            db.execute("RESET ROLE")
            db.execute("DROP OWNED BY dddp_poor")
            db.execute("DROP ROLE dddp_poor")
        changes = feed.take()
        assert list(dict.fromkeys(change.op for change in changes)) == ["I", "U", "D", "T"]
        assert sum(len(change.rows or ()) for change in changes) == 1 + 3 + 3

    def test_row_level_security_hides_nothing_from_the_feed(
        self, db: Connection, feed: Feed
    ) -> None:
        db.execute("CREATE ROLE dddp_restricted")
        try:
            db.execute("ALTER TABLE book ENABLE ROW LEVEL SECURITY")
            db.execute("CREATE POLICY own ON book USING (id = 1)")
            db.execute("GRANT ALL ON book TO dddp_restricted")
            db.execute("SET ROLE dddp_restricted")
            db.execute("UPDATE book SET pages = 7")
        finally:
            db.execute("RESET ROLE")
            db.execute("DROP OWNED BY dddp_restricted")
            db.execute("DROP ROLE dddp_restricted")
        assert feed.rows() == [("U", [row(1, "One", 7), row(1, "One", 10)])]


class TestFamilies:
    @pytest.fixture
    def measurement(self, db: Connection, feed: Feed) -> None:
        db.execute("CREATE TABLE measurement (id int, day int, v text) PARTITION BY RANGE (day)")
        db.execute("CREATE TABLE m1 PARTITION OF measurement FOR VALUES FROM (0) TO (10)")
        # The columns of this one are in another order.
        db.execute("CREATE TABLE m2 (gone int, v text, day int, id int)")
        db.execute("ALTER TABLE m2 DROP COLUMN gone")
        db.execute("ALTER TABLE measurement ATTACH PARTITION m2 FOR VALUES FROM (10) TO (20)")
        feed.watch("measurement")

    @pytest.mark.usefixtures("measurement")
    def test_partitions_report_the_name_of_their_root(self, db: Connection, feed: Feed) -> None:
        db.execute("INSERT INTO measurement VALUES (1, 5, 'a'), (2, 15, 'b')")
        db.execute("INSERT INTO m1 (id, day) VALUES (3, 6)")
        db.execute("UPDATE m2 SET v = 'c'")
        changes = feed.take()
        assert {change.table for change in changes} == {"measurement"}
        assert [change.rows for change in changes] == [
            [[{"id": 1, "day": 5, "v": "a"}], [{"id": 2, "day": 15, "v": "b"}]],
            [[{"id": 3, "day": 6, "v": None}]],
            [[{"id": 2, "day": 15, "v": "c"}, {"id": 2, "day": 15, "v": "b"}]],
        ]

    @pytest.mark.usefixtures("measurement")
    def test_a_row_that_moves_to_another_partition(self, db: Connection, feed: Feed) -> None:
        db.execute("INSERT INTO measurement SELECT g, g, 'x' FROM generate_series(5, 12) g")
        feed.take()
        db.execute("UPDATE measurement SET day = 19 - day")
        moves = {(old["id"], old["day"], new["id"], new["day"]) for _, (new, old) in feed.rows()}
        assert moves == {(n, n, n, 19 - n) for n in range(5, 13)}

    @pytest.mark.usefixtures("measurement")
    def test_a_move_that_a_trigger_swallows_is_not_paired(self, db: Connection, feed: Feed) -> None:
        db.execute("INSERT INTO measurement VALUES (1, 5, 'a'), (2, 6, 'b')")
        db.execute(
            "CREATE FUNCTION swallow() RETURNS trigger LANGUAGE plpgsql "
            "AS $$ BEGIN RETURN NULL; END $$"
        )
        db.execute(
            "CREATE TRIGGER swallow BEFORE INSERT ON m2 FOR EACH ROW EXECUTE FUNCTION swallow()"
        )
        feed.take()
        db.execute("UPDATE measurement SET day = 11 WHERE id = 1")
        (change,) = feed.take()
        assert (change.op, change.rows) == ("U", None)

    @pytest.mark.usefixtures("measurement")
    def test_truncating_a_partition(self, db: Connection, feed: Feed) -> None:
        db.execute("TRUNCATE m1")
        assert [(change.table, change.op) for change in feed.take()] == [("measurement", "T")]

    def test_children_by_inheritance(self, db: Connection, feed: Feed) -> None:
        db.execute("CREATE TABLE parent (id int)")
        db.execute("CREATE TABLE child (extra text) INHERITS (parent)")
        feed.watch("parent")
        db.execute("INSERT INTO child VALUES (1, 'x')")
        db.execute("UPDATE parent SET id = 2")
        changes = feed.take()
        assert [(change.table, change.op) for change in changes] == [
            ("parent", "I"),
            ("parent", "U"),
        ]
        assert changes[1].rows is not None
        assert changes[1].rows[0][0]["id"] == 2

    def test_a_table_of_another_schema(self, db: Connection, feed: Feed) -> None:
        db.execute('CREATE SCHEMA "Other"; CREATE TABLE "Other"."Book" (id int)')
        db.execute('CREATE TABLE "Book" (id int)')
        feed.watch('Other"."Book', '"public"."Book"')
        db.execute('INSERT INTO "Other"."Book" VALUES (1)')
        db.execute('INSERT INTO "Book" VALUES (2)')
        first, second = feed.take()
        assert first == TableChange(first.xid, 'Other"."Book', "I", [[{"id": 1}]])
        assert second == TableChange(second.xid, '"public"."Book"', "I", [[{"id": 2}]])

    def test_one_table_under_two_names(self, db: Connection, feed: Feed) -> None:
        db.execute("CREATE TABLE book (id int)")
        feed.watch("book", 'public"."book')
        db.execute("INSERT INTO book VALUES (1)")
        assert {change.table for change in feed.take()} == {"book", 'public"."book'}
