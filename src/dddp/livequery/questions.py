"""What is asked about live queries of one shape, and what is answered."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from dddp.changefeed.snapshot import Snapshot
from dddp.livequery.document import Id, Values
from dddp.livequery.plan import Batch, Member, Source

Key = tuple[Any, ...]
"""Number of the combination of data, then the terms' values: tells whose a document is."""


@dataclass(frozen=True, slots=True, eq=False)
class Question:
    """What is asked of some queries of one shape.

    Attributes:
        starts: where changes have come in, with the values (as text) that lead to the documents
            concerned; None: ask about all documents.
        members: one for each combination of the parameters that are data.
        terms: for each term the values (as text) it is asked for; None: whichever there are.
    """

    batch: Batch
    starts: Sequence[tuple[Source, Sequence[str]]] | None
    members: Sequence[Member]
    terms: Sequence[Sequence[str]] | None


@dataclass(frozen=True, slots=True, eq=False)
class Found:
    """One document, and the keys of the queries that have it."""

    id: Id
    values: Values
    keys: list[Key]


@dataclass(frozen=True, slots=True, eq=False)
class Answer:
    """What the database says, as of a snapshot.

    Attributes:
        concerned: the documents asked about; None: all. Those not `found` are in no result.
    """

    snapshot: Snapshot
    concerned: list[Id] | None
    found: list[Found]
