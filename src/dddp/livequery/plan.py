"""What analysis makes of a queryset, and what running it gives."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from dddp.changefeed.snapshot import Snapshot
from dddp.livequery.document import Documents, Shape
from dddp.livequery.predicates import Condition


@dataclass(frozen=True, eq=False, slots=True)
class QueryPlan:
    """All that is known of a queryset without asking the database.

    Attributes:
        key: equal for querysets whose result and documents are always equal.
        using: alias of the database.
        sql, params: one statement that returns (snapshot, row image, many-to-many ids...) with
            one row at least; "" for a queryset known to be empty.
        tables: every table that the result depends on, as `Model._meta.db_table` names them.
        table: the table of the documents themselves.
        shape: how rows become documents.
        order: for each field of the shape its place among the values of a result row.
        condition: decides from a row alone whether it is in the result; None: ask the database.
        reason: why there is no condition, for humans.
    """

    key: tuple[Any, ...]
    using: str
    sql: str
    params: tuple[Any, ...]
    tables: frozenset[str]
    table: str
    shape: Shape
    pk_place: int
    order: tuple[int, ...]
    condition: Condition | None
    reason: str


@dataclass(frozen=True, slots=True)
class Loaded:
    """A result as of a snapshot; None for a query that is empty whatever the database holds."""

    snapshot: Snapshot | None
    documents: Documents
