"""Puts the triggers of the change feed on tables, and says where they are missing.

Every trigger and function carries the hash of its source in a COMMENT: an installation touches only
what differs. A relation may have several sets of triggers, one for each name (`book`,
`public"."book`) under which it is watched, and one for each version.

Connections are Django's or psycopg's. Not seen by triggers, whatever is installed: partitions and
children attached since, rewrites of a table, `session_replication_role = replica`, rows applied by
a logical subscription.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from django.db import transaction

from dddp.changefeed import ddl
from dddp.changefeed.ddl import WatchedTable

__all__ = ["TriggerStatus", "WatchedTable", "install", "status", "uninstall", "watchable"]

LOCK_TIMEOUT = "5s"
_ADVISORY_LOCK = int.from_bytes(b"dddp", "big")
_TABLE_KINDS = ("r", "p")  # no views and no foreign tables


@dataclass(frozen=True, slots=True)
class TriggerStatus:
    """What there is in the database for a table; `detail` says what is wrong."""

    table: str
    state: Literal["installed", "outdated", "missing"]
    detail: str = ""


@dataclass(slots=True)
class _Relation:
    """A table (depth 0), one below it, or one that has its triggers and should not (depth -1).

    Attributes:
        name: quoted, with the schema.
        comments: of its triggers that are enabled, by name; None of those that are not.
    """

    name: str
    depth: int
    kind: str
    comments: dict[str, str | None] = field(default_factory=dict)


def status(connection: Any, tables: Sequence[WatchedTable]) -> list[TriggerStatus]:
    """The state of each table's triggers. Reads the catalogs only."""
    with connection.cursor() as cursor:
        functions_differ = _functions_differ(cursor)
        families = _families(cursor, tables)
    return [
        _status(watched, family, functions_differ)
        for watched, family in zip(tables, families, strict=True)
    ]


def watchable(connection: Any, tables: Sequence[WatchedTable]) -> list[WatchedTable]:
    """Those that exist and can have such triggers: tables and partitioned tables, no views."""
    with connection.cursor() as cursor:
        families = _families(cursor, tables)
    return [watched for watched, family in zip(tables, families, strict=True) if _is_table(family)]


def install(connection: Any, tables: Sequence[WatchedTable]) -> list[str]:
    """Create the triggers and functions that are missing or differ, in one transaction.

    A table that gets triggers is locked against writing until the end of the transaction. Waiting
    for that lock ends after LOCK_TIMEOUT with the database's error: then nothing has changed. If
    nothing differs, nothing is locked. Triggers of other versions stay, and so do those of other
    tables. Tables that do not exist and views are passed over.

    Returns:
        The quoted names of the relations (partitions too) whose triggers have changed.
    """
    tables = watchable(connection, tables)
    if all(state.state == "installed" for state in status(connection, tables)):
        return []
    changed = {}
    with _changes(connection) as cursor:
        if _functions_differ(cursor):
            _create_functions(cursor)
        for watched, family in zip(tables, _families(cursor, tables), strict=True):
            for relation in family:
                for statement in _repairs(watched, relation):
                    cursor.execute(statement)
                    changed[relation.name] = True
    return list(changed)


def uninstall(connection: Any) -> None:
    """Remove the triggers of every table, watched or not, and the functions, of all versions."""
    with _changes(connection) as cursor:
        cursor.execute(ddl.read_sql("uninstall"))


def _status(
    watched: WatchedTable, family: list[_Relation], functions_differ: bool
) -> TriggerStatus:
    if not _is_table(family):
        detail = "It is not a table." if family else "There is no such table."
        return TriggerStatus(watched.table, "missing", detail)
    wrong = [relation for relation in family if _repairs(watched, relation)]
    if not wrong and not functions_differ:
        return TriggerStatus(watched.table, "installed")
    if not any(relation.comments for relation in family):
        return TriggerStatus(watched.table, "missing")
    names = ", ".join(relation.name for relation in wrong)
    detail = f"Differs on {names}." if wrong else "The functions differ."
    return TriggerStatus(watched.table, "outdated", detail)


def _repairs(watched: WatchedTable, relation: _Relation) -> list[str]:
    """The statements that make the relation's triggers what they should be."""
    if relation.depth < 0:
        return [f"DROP TRIGGER {name} ON {relation.name}" for name in relation.comments]
    return [
        statement
        for trigger in ddl.triggers_of(watched)
        if relation.comments.get(trigger.name) != trigger.comment
        for statement in trigger.create(relation.name)
    ]


def _families(cursor: Any, tables: Sequence[WatchedTable]) -> list[list[_Relation]]:
    """For each table: itself, its partitions and children, then strays; [] if there is none."""
    found: list[dict[str, _Relation]] = [{} for _ in tables]
    arguments = [[each.quoted for each in tables], [each.key for each in tables]]
    cursor.execute(ddl.read_sql("relations"), [*arguments, ddl.TRIGGER_PREFIX])
    for position, depth, name, kind, trigger, enabled, comment in cursor.fetchall():
        if depth > 0 and kind not in _TABLE_KINDS:
            continue
        relation = found[position].setdefault(name, _Relation(name, depth, kind))
        if trigger is not None:
            relation.comments[trigger] = comment if enabled in ("O", "A") else None
    return [list(family.values()) for family in found]


def _is_table(family: list[_Relation]) -> bool:
    return any(relation.depth == 0 and relation.kind in _TABLE_KINDS for relation in family)


def _functions_differ(cursor: Any) -> bool:
    cursor.execute(
        "SELECT proname::text, obj_description(pg_proc.oid, 'pg_proc') FROM pg_proc "
        "JOIN pg_namespace ON pg_namespace.oid = pronamespace "
        "WHERE nspname = 'dddp' AND starts_with(proname::text, %s)",
        [ddl.FUNCTION_PREFIX],
    )
    wanted = dict.fromkeys(ddl.function_signatures(), ddl.digest(ddl.function_source()))
    return dict(cursor.fetchall()) != wanted


def _create_functions(cursor: Any) -> None:
    cursor.execute("SELECT to_regnamespace('dddp') IS NULL")
    if cursor.fetchone()[0]:
        cursor.execute("CREATE SCHEMA dddp; GRANT USAGE ON SCHEMA dddp TO PUBLIC")
    cursor.execute(ddl.function_source())
    comment = ddl.literal(ddl.digest(ddl.function_source()))
    for signature in ddl.function_signatures().values():
        cursor.execute(f"GRANT EXECUTE ON FUNCTION {signature} TO PUBLIC")
        cursor.execute(f"COMMENT ON FUNCTION {signature} IS {comment}")


@contextlib.contextmanager
def _changes(connection: Any) -> Iterator[Any]:
    """A cursor in a transaction in which nobody else installs anything."""
    with contextlib.ExitStack() as stack:
        if hasattr(connection, "alias"):
            stack.enter_context(transaction.atomic(using=connection.alias))
        else:
            stack.enter_context(connection.transaction())
        cursor = stack.enter_context(connection.cursor())
        cursor.execute(f"SELECT pg_advisory_xact_lock({_ADVISORY_LOCK})")
        cursor.execute(f"SET LOCAL lock_timeout = '{LOCK_TIMEOUT}'")
        yield cursor
