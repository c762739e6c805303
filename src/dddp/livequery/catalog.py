"""What PostgreSQL's catalogue says of columns: their real types, whatever the models claim."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache, lru_cache
from typing import Any

from django.db import connections

COLUMNS = """
    SELECT a.attname, coalesce(b.typname, t.typname), coalesce(c.collisdeterministic, true),
           a.attgenerated = 'v', a.attnotnull
    FROM pg_attribute a
    JOIN pg_type t ON t.oid = a.atttypid
    LEFT JOIN pg_type b ON b.oid = nullif(t.typbasetype, 0)
    LEFT JOIN pg_collation c ON c.oid = a.attcollation
    WHERE a.attrelid = to_regclass(%s) AND a.attnum > 0 AND NOT a.attisdropped
"""


@dataclass(frozen=True, slots=True)
class Column:
    """One column.

    Attributes:
        type: name in pg_type ("int4", "timestamptz", "_text" for text[]); of a domain, its base.
        deterministic: equality is equality of bytes (true for types without collation).
        virtual: generated when read, so absent from the row images of triggers.
        required: NOT NULL.
    """

    type: str
    deterministic: bool
    virtual: bool
    required: bool = False


@cache
def columns_of(using: str, table: str) -> dict[str, Column]:
    """The columns of a table by name; remembered until `forget`."""
    connection = connections[using]
    with connection.cursor() as cursor:
        cursor.execute(COLUMNS, [connection.ops.quote_name(table)])
        return {name: Column(*rest) for name, *rest in cursor.fetchall()}


@lru_cache(maxsize=4096)
def _type_name(using: str, oid: int) -> str:
    with connections[using].cursor() as cursor:
        cursor.execute("SELECT typname FROM pg_type WHERE oid = %s", [oid])
        (name,) = cursor.fetchone() or ("text",)
        return str(name)


MANY_PARAMETERS = 200
"""Of statements with more, which clients may make longer at will, nothing is remembered."""

_result_types: dict[tuple[Any, ...], tuple[str, ...]] = {}


def result_types(using: str, sql: str, params: tuple[Any, ...]) -> tuple[str, ...]:
    """The types of a statement's columns, found out without running it.

    They are remembered by its text and the types of its parameters.
    """
    key = (using, sql, *map(type, params))
    known = _result_types.get(key)
    if known is None:
        with connections[using].cursor() as cursor:
            cursor.execute(f"SELECT * FROM ({sql}) q LIMIT 0", params)
            oids = [column[1] for column in cursor.description]
        known = tuple(_type_name(using, oid) for oid in oids)
        if len(params) <= MANY_PARAMETERS:
            if len(_result_types) > 4096:
                _result_types.clear()
            _result_types[key] = known
    return known


VOLATILE = """
    SELECT proname FROM pg_proc WHERE proname = ANY(%s)
    GROUP BY proname HAVING bool_and(provolatile = 'v')
"""
# Names in FROM may be aliases, and columns in `extract(year FROM x)`: these are no relations.
OTHERS = """
    SELECT name FROM unnest(%s::text[]) name
    WHERE to_regclass(name) IS NOT NULL
    AND to_regclass(name) NOT IN (
        SELECT to_regclass(known) FROM unnest(%s::text[]) known WHERE to_regclass(known) IS NOT NULL
    )
"""


@lru_cache(maxsize=4096)
def volatile(using: str, names: frozenset[str]) -> list[str]:
    """Those of these functions that are volatile; PostgreSQL, "Function Volatility Categories"."""
    with connections[using].cursor() as cursor:
        cursor.execute(VOLATILE, [list(names)])
        return sorted(name for (name,) in cursor.fetchall())


@lru_cache(maxsize=4096)
def others(using: str, names: frozenset[str], tables: frozenset[str]) -> list[str]:
    """Those of these names, as SQL writes them, that are relations and none of these tables."""
    connection = connections[using]
    quoted = {connection.ops.quote_name(table) for table in tables}
    if names <= quoted:
        return []
    with connection.cursor() as cursor:
        cursor.execute(OTHERS, [list(names - quoted), list(quoted)])
        return sorted(name for (name,) in cursor.fetchall())


def forget() -> None:
    """Read the catalogue anew: a migration may have changed it."""
    columns_of.cache_clear()
    _type_name.cache_clear()
    _result_types.clear()
    volatile.cache_clear()
    others.cache_clear()
