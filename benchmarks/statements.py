"""What the server asks PostgreSQL, as PostgreSQL counts it (pg_stat_statements)."""

from __future__ import annotations

from dataclasses import dataclass

import psycopg

SERVER = "dddp_server"
YARDSTICK = "benchmark_yardstick"

# The listener asks by the clock, whether anything changes or not.
_READ = """
    SELECT coalesce(sum(calls), 0)::bigint, coalesce(sum(total_plan_time + total_exec_time), 0)
    FROM pg_stat_statements
    WHERE userid = %s::regrole AND dbid = (SELECT oid FROM pg_database WHERE datname = %s)
        AND query NOT LIKE '%%pg_notification_queue_usage%%'
"""
_LIST = """
    SELECT query, calls FROM pg_stat_statements
    WHERE userid = %s::regrole AND query NOT LIKE '%%pg_notification_queue_usage%%' ORDER BY calls
"""


@dataclass(frozen=True)
class Asked:
    """Statements of one role, and the milliseconds they were planned and executed."""

    statements: int
    milliseconds: float

    def __sub__(self, other: Asked) -> Asked:
        return Asked(self.statements - other.statements, self.milliseconds - other.milliseconds)


def asked(connection: psycopg.Connection, role: str = SERVER) -> Asked:
    """Everything that a role has asked, statements within functions not counted."""
    row = connection.execute(_READ, (role, connection.info.dbname)).fetchone()
    assert row is not None
    return Asked(int(row[0]), float(row[1]))


def forget(connection: psycopg.Connection) -> None:
    """Count from zero."""
    connection.execute("SELECT pg_stat_statements_reset()")


def texts(connection: psycopg.Connection, role: str = SERVER) -> dict[str, int]:
    """What a role has asked since `forget`, normalized, and how often."""
    rows = connection.execute(_LIST, (role,)).fetchall()
    return {" ".join(query.split()): calls for query, calls in rows}
