"""What analysis makes of a queryset, and what running it gives."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

from dddp.changefeed.snapshot import Snapshot
from dddp.livequery.document import AnyShape, Documents, Id, Values
from dddp.livequery.predicates import Condition, Convert
from dddp.livequery.template import Template


@dataclass(frozen=True, slots=True)
class Step:
    """From values to rows of `table` whose `column` is one of them, and on to their `next`.

    Attributes:
        type: of the column, as in pg_type.
    """

    table: str
    column: str
    type: str
    next: str


@dataclass(frozen=True, slots=True)
class Source:
    """A place where rows of a table come into a query.

    Attributes:
        table: `Model._meta.db_table`.
        columns: those of the table that the query reads here; None: unknown.
        start: column whose values the path begins with.
        path: leads to keys of the documents concerned; None: any may be.
        condition: what a row must fulfil to matter here; None: every row may.
    """

    table: str
    columns: frozenset[str] | None = None
    start: str = ""
    path: tuple[Step, ...] | None = None
    condition: Condition | None = None


class DocumentMaker(Protocol):
    """Makes documents of keys, as in images: `livequery.objects.ObjectLoader`."""

    @property
    def serialize(self) -> Any: ...
    @property
    def prefetched(self) -> tuple[Any, ...]: ...
    def documents(self, pks: Sequence[Any]) -> dict[Id, Values]: ...


class Selection(Protocol):
    """Selects documents and reads them: `livequery.direct.Direct`."""

    @property
    def columns(self) -> tuple[str, ...]: ...
    @property
    def source(self) -> str: ...
    def read(self, rows: Iterable[Sequence[str]]) -> dict[Id, Values]: ...


@dataclass(frozen=True, eq=False, slots=True)
class Layout:
    """How the rows of a result become documents.

    Attributes:
        shape: what they become.
        width: columns of a row.
        pk_place: the place among them of the key, which names the document.
        order: for each field of the shape its place among them and what is selected beside them.
        related: SQL of what is selected beside the columns of a row `q`: ids of other documents.
        objects: makes the documents, if rows do not do.
        direct: how whole results are selected; None: as rows.
    """

    shape: AnyShape
    width: int
    pk_place: int
    order: tuple[int, ...]
    related: str
    objects: DocumentMaker | None = None
    direct: Selection | None = None

    @property
    def places(self) -> str:
        """Names for the columns of a row, as SQL."""
        return ", ".join(f"c{place}" for place in range(self.width))


class TermColumn(NamedTuple):
    """A column whose value tells whose document a row is: its SQL, its type, how to compare it."""

    sql: str
    type: str
    convert: Convert


@dataclass(frozen=True, eq=False, slots=True, weakref_slot=True)
class Batch:
    """How the live queries of one shape are asked together.

    Attributes:
        key: equal for queries that can be asked together.
        inner: selects `terms` and the key if there are `docs`, else whole rows. Its holes
            are "pks", to ask about some documents only, and "term0"...
        docs: SQL of the columns of the document `k.pk`; "" where they depend on the query.
        keyed: one can ask about some documents; else only for whole results.
        pk: the key.
        terms: conditions `column = constant` that `inner` leaves out.
        layout: as in the plan.
    """

    key: tuple[Any, ...]
    using: str
    inner: Template
    docs: str
    keyed: bool
    pk: TermColumn
    terms: tuple[TermColumn, ...]
    layout: Layout

    @property
    def technique(self) -> str:
        """What is asked when something changes, for humans."""
        if not self.keyed:
            return "whole results, parameters as data"
        if self.terms:
            return f"inverse query by {', '.join(term.sql for term in self.terms)}"
        return "documents concerned, parameters as data"


@dataclass(frozen=True, eq=False, slots=True)
class Member:
    """One query among those of its shape.

    Attributes:
        data: its parameters that are data.
        data_key: equal for equal ones.
        terms: its values of the batch's terms.
        unsliced: the same query without its slice, of which one can ask whose a document is: no
            other results than theirs can have changed. None: it has none, or begins at an offset.
    """

    batch: Batch
    data: tuple[Any, ...]
    data_key: tuple[Any, ...]
    terms: tuple[Any, ...]
    unsliced: Member | None = None

    @property
    def technique(self) -> str:
        """What is asked when something changes, for humans."""
        if self.unsliced is None:
            return self.batch.technique
        return f"{self.unsliced.batch.technique}, then the results concerned as a whole"


@dataclass(frozen=True, eq=False, slots=True)
class QueryPlan:
    """All that is known of a queryset without asking the database.

    Attributes:
        key: equal for querysets whose result and documents are always equal.
        using: alias of the database.
        sql, params: one statement. A row with a NULL in the second place has the snapshot in the
            first; the others are what `layout.direct` reads, or "" and row image if there are
            `layout.objects`. "" for a queryset known to be empty.
        tables: every table that the result depends on, as `Model._meta.db_table` names them.
        table: the table of the documents themselves.
        layout: how rows become documents.
        condition: decides from a row alone whether it is in the result; None: ask the database.
        reason: why there is no condition, for humans.
        sources: where rows come in; empty with a condition.
        member: how it is asked with others of its shape; None: with a condition, or by itself.
    """

    key: tuple[Any, ...]
    using: str
    sql: str
    params: tuple[Any, ...]
    tables: frozenset[str]
    table: str
    layout: Layout
    condition: Condition | None
    reason: str
    sources: tuple[Source, ...] = ()
    member: Member | None = None

    @property
    def shape(self) -> AnyShape:
        """What its documents are."""
        return self.layout.shape

    @property
    def technique(self) -> str:
        """How changes get into its documents, and why in this way, for humans."""
        if self.condition is not None:
            return "decided from the row"
        if not self.sql:
            return f"never asked, as {self.reason}"
        how = self.member.technique if self.member else "run again"
        return f"{how}, as {self.reason}"


@dataclass(frozen=True, slots=True)
class Loaded:
    """A result as of a snapshot; None for a query that is empty whatever the database holds."""

    snapshot: Snapshot | None
    documents: Documents
