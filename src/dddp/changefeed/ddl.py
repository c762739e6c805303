"""The statements that make up the change feed in a database, each with the hash of its source."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from importlib import resources

from dddp.changefeed.channels import VERSION, channel_for

TRIGGER_PREFIX = f"dddp{VERSION}_"
FUNCTION_PREFIX = f"v{VERSION}_"

# What a trigger is named after: its event, its transition tables and its function.
_EVENTS = {
    "insert": ("INSERT", "REFERENCING NEW TABLE AS dddp_rows", "rows"),
    "update": ("UPDATE", "REFERENCING NEW TABLE AS dddp_new OLD TABLE AS dddp_old", "update"),
    "delete": ("DELETE", "REFERENCING OLD TABLE AS dddp_rows", "rows"),
    "truncate": ("TRUNCATE", "", "truncate"),
}


@dataclass(frozen=True, slots=True)
class WatchedTable:
    """A table whose changes are to be seen.

    Attributes:
        table: `model._meta.db_table`.
        hidden: columns whose values stay in the database. Any role of the database may LISTEN.
        bulk_rows: a statement that changes more rows says only that it has changed many.
    """

    table: str
    hidden: tuple[str, ...] = ()
    bulk_rows: int = 1000

    @property
    def quoted(self) -> str:
        """The name as Django quotes it: one that is in quotes stands as it is."""
        name = self.table
        return name if name.startswith('"') and name.endswith('"') else f'"{name}"'

    @property
    def key(self) -> str:
        """What the names of the table's triggers end with."""
        return channel_for(self.table).rsplit("_", 1)[1]


@dataclass(frozen=True, slots=True)
class Trigger:
    """A trigger that a watched table should have, on whichever relation."""

    name: str
    event: str
    action: str

    @property
    def comment(self) -> str:
        """The hash of the source."""
        return digest(f"{self.name} {self.event} {self.action}")

    def create(self, relation: str) -> list[str]:
        """The statements that create or replace it; `relation` is quoted."""
        return [
            f"CREATE OR REPLACE TRIGGER {self.name} AFTER {self.event} ON {relation} {self.action}",
            f"COMMENT ON TRIGGER {self.name} ON {relation} IS {literal(self.comment)}",
        ]


def triggers_of(watched: WatchedTable) -> list[Trigger]:
    """The triggers for a table and for each of its partitions."""
    channel = channel_for(watched.table)
    arguments = [channel, watched.table, str(watched.bulk_rows), *sorted(watched.hidden)]
    literals = ", ".join(literal(argument) for argument in arguments)
    return [
        Trigger(
            f"{TRIGGER_PREFIX}{name}_{watched.key}",
            event,
            f"{rows} FOR EACH STATEMENT "
            f"EXECUTE FUNCTION dddp.{FUNCTION_PREFIX}{function}({literals})",
        )
        for name, (event, rows, function) in _EVENTS.items()
    ]


def function_source() -> str:
    """The CREATE statements of the functions."""
    return read_sql("functions").replace("VERSION", str(VERSION))


def function_signatures() -> dict[str, str]:
    """Name without schema -> `dddp.name(arguments)`, of the functions in `function_source()`."""
    found = re.findall(r"FUNCTION dddp\.(\w+)\((.*?)\)", function_source())
    return {name: f"dddp.{name}({arguments})" for name, arguments in found}


def read_sql(name: str) -> str:
    """The text of sql/<name>.sql."""
    return resources.files("dddp.changefeed").joinpath(f"sql/{name}.sql").read_text("utf-8")


def digest(source: str) -> str:
    """What a COMMENT holds to tell one source from another."""
    return hashlib.sha256(source.encode()).hexdigest()[:16]


def literal(text: str) -> str:
    """A text as an SQL constant (under standard_conforming_strings, PostgreSQL's default)."""
    return "'" + text.replace("'", "''") + "'"
