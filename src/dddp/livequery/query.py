"""One live query: its documents as of a place in the stream of changes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from dddp.changefeed.snapshot import Snapshot
from dddp.livequery.document import AnyShape, Changes, Documents, Id, Values, encode_id
from dddp.livequery.netting import Image, RowChange
from dddp.livequery.plan import Loaded, QueryPlan


class Pending:
    """Changes that arrived while a query was being run, for after its snapshot is known."""

    __slots__ = ("_limit", "rows", "xids")

    def __init__(self, limit: int) -> None:
        self.rows: list[tuple[int, Any]] = []
        self.xids: set[int] = set()
        self._limit = limit

    def add(self, xid: int, change: Any) -> None:
        """Keep a change; beyond the limit only that its transaction matters."""
        if len(self.rows) < self._limit:
            self.rows.append((xid, change))
        else:
            self.xids.add(xid)

    def mark(self, xid: int) -> None:
        """Note that a transaction changed what only the database can decide."""
        self.xids.add(xid)


class LiveQuery:
    """The documents of one queryset, shared by everyone who subscribes to an equal one.

    Attributes:
        plan: what is asked.
        documents: id -> the text of its fields.
        snapshot: changes it sees are contained in `documents`; None while loading.
        subscribers: who is told of changes, in order of joining.
        listeners: called with the changes by whoever delivers them.
        initial: what whoever delivers has made of `documents`; None once they have changed.
        pending: changes kept while the query runs in the database; None while it does not.
        dirty: the database must be asked again.
        applied: place in the stream up to which `documents` is complete, when it is refreshed.
        epoch: how often the change feed had come and gone when it was run last.
        failing: why the database refused it when it was run last; None: it did not.
        users: how many hold on to it.
        group: with which it is asked; None: it is moved on or run by itself.
        joined: how often the group had been asked when it was run by itself last.
    """

    __slots__ = (
        "applied",
        "dirty",
        "documents",
        "epoch",
        "failing",
        "group",
        "initial",
        "joined",
        "listeners",
        "loaded",
        "pending",
        "plan",
        "refreshing",
        "snapshot",
        "subscribers",
        "users",
        "waiters",
    )

    def __init__(self, plan: QueryPlan) -> None:
        self.plan = plan
        self.documents: Documents = {}
        self.snapshot: Snapshot | None = None
        self.subscribers: dict[Any, None] = {}
        self.listeners: list[Callable[[Changes], None]] = []
        self.initial: Any = None
        self.pending: Pending | None = None
        self.dirty = False
        self.refreshing: Any = None
        self.loaded: Any = None
        self.applied = 0
        self.epoch = -1
        self.failing: Exception | None = None
        self.users = 0
        self.group: Any = None
        self.joined = 0
        self.waiters: list[tuple[int, Any]] = []

    @property
    def shape(self) -> AnyShape:
        """How its documents look."""
        return self.plan.shape

    def row_changed(self, change: RowChange, shared: dict[int, Values]) -> Changes:
        """Apply one row's change.

        Args:
            change: the row before and after.
            shared: encoded values of the new image by id() of the shape, for other queries.

        Returns:
            What changed in `documents`, by id.

        Raises:
            Unsure: the database must be asked; nothing has been applied.
        """
        return self.move(self._targets(change, shared))

    def _targets(self, change: RowChange, shared: dict[int, Values]) -> dict[Id, Values | None]:
        shape, condition, old, new = self.plan.shape, self.plan.condition, change.old, change.new
        targets: dict[Id, Values | None] = {}
        if old is not None and (new is None or old[shape.pk] != new[shape.pk]):
            targets[encode_id(old[shape.pk])] = None
        if new is not None:
            inside = condition is not None and condition.test(new) is True
            targets[encode_id(new[shape.pk])] = _encoded(shape, new, shared) if inside else None
        return targets

    def move(self, targets: dict[Id, Values | None]) -> Changes:
        """Give documents these values, None for none; returns what changed."""
        changes: Changes = {}
        for identity, after in targets.items():
            before = self.documents.get(identity)
            if before == after:
                continue
            if after is None:
                del self.documents[identity]
            else:
                self.documents[identity] = after
            changes[identity] = (before, after)
        if changes:
            self.initial = None
        return changes

    def load(self, loaded: Loaded) -> None:
        """Take over a result as it was loaded."""
        self.snapshot, self.documents, self.initial = loaded.snapshot, loaded.documents, None

    def replace(self, documents: Documents) -> Changes:
        """Take over a new result; returns what differs from the old one, removals first."""
        changes = compare(self.documents, documents)
        self.documents, self.initial = documents, None
        return changes

    def decides(self, image: Image) -> bool:
        """Does a row image show all that the condition tests?"""
        return self.plan.condition is not None and self.plan.condition.decides(image)

    def sees(self, xid: int) -> bool:
        """Are the changes of this transaction in `documents` already?"""
        return self.snapshot is not None and self.snapshot.sees(xid)


Effects = dict["LiveQuery", Changes]
"""What one transaction changed in which live queries."""


def compare(old: Documents, new: Documents) -> Changes:
    """What differs, removals first; what does not, `new` shares with `old` from now on."""
    changes: Changes = {}
    for identity, before in old.items():
        if identity not in new:
            changes[identity] = (before, None)
    for identity, after in new.items():
        known = old.get(identity)
        if known is None:
            changes[identity] = (None, after)
        elif known != after:
            changes[identity] = (known, after)
        else:
            new[identity] = known
    return changes


def merge(changes: Changes, later: Changes) -> None:
    """Add later changes of a query to earlier ones; what ends as it began is left out."""
    for identity, (before, after) in later.items():
        if identity in changes:
            before = changes[identity][0]
        if before == after:
            changes.pop(identity, None)
        else:
            changes[identity] = (before, after)


def _encoded(shape: Any, image: Image, shared: dict[int, Values]) -> Values:
    values = shared.get(id(shape))
    if values is None:
        values = shared[id(shape)] = shape.from_image(image)
    return values
