"""What one client sees, without a copy of it: references to shared live queries.

A document is visible to a client iff one of its live queries on that collection contains it. Its
fields are the union of theirs; where two publish the same field, the query subscribed to first
gives the value (Meteor 3, "merge box": one value per field, the first publisher's).

No Django, no asyncio, no clock. Nothing here waits: a difference is computed in one go.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

from dddp.livequery.document import Changes, Id, Shape, key_text
from dddp.livequery.query import Effects, LiveQuery
from dddp.protocol import messages
from dddp.protocol.frames import Frame

Fields = dict[str, bytes]


class Sink(Protocol):
    """Takes frames for one client: its outbox."""

    def push_all(self, frames: Iterable[Frame]) -> None: ...
    def push_initial(self, frames: list[Frame]) -> None: ...


class View:
    """The live queries one client looks at."""

    __slots__ = ("_collections", "_held", "sink")

    def __init__(self, sink: Sink) -> None:
        self.sink = sink
        self._held: dict[LiveQuery, int] = {}
        self._collections: dict[str, list[LiveQuery]] = {}

    @property
    def queries(self) -> list[LiveQuery]:
        """All live queries looked at, in order of joining."""
        return list(self._held)

    def join(self, query: LiveQuery) -> None:
        """See a loaded live query's documents, and from now on its changes."""
        self._held[query] = self._held.get(query, 0) + 1
        if self._held[query] > 1:
            return
        query.subscribers[self] = None
        others = self._collections.setdefault(query.plan.shape.collection, [])
        frames = _initial(others, query)
        others.append(query)
        self.sink.push_initial(frames)

    def leave(self, query: LiveQuery) -> None:
        """See it no more; documents that no other query shows are removed."""
        self._held[query] -= 1
        if self._held[query]:
            return
        name = query.plan.shape.collection
        before = list(self._collections[name])
        self.forget(query)
        after = self._collections.get(name)
        if after is None:
            self.sink.push_all([messages.removed(name, i) for i in query.documents])
            return
        frames: list[Frame] = []
        for identity in query.documents:
            was, now = _visible(before, identity), _visible(after, identity)
            frames += difference(name, identity, was, now)
        self.sink.push_all(frames)

    def forget(self, query: LiveQuery) -> None:
        """Stop looking without a word to the client."""
        self._held.pop(query, None)
        query.subscribers.pop(self, None)
        name = query.plan.shape.collection
        queries = self._collections.get(name, [])
        if query in queries:
            queries.remove(query)
        if not queries:
            self._collections.pop(name, None)

    def sees_alone(self, query: LiveQuery) -> bool:
        """Is it the only query on its collection, so that its changes are the client's?"""
        return len(self._collections[query.plan.shape.collection]) == 1

    def merged(self, collection: str, identities: Iterable[Id], effects: Effects) -> list[Frame]:
        """The frames for documents that several queries may show, after a transaction."""
        queries = self._collections[collection]
        frames: list[Frame] = []
        for identity in identities:
            before = _visible(queries, identity, effects)
            after = _visible(queries, identity)
            frames += difference(collection, identity, before, after)
        return frames


def deliver(effects: Effects) -> None:
    """Tell every view of the effects of one transaction; equal frames are built once."""
    shared: dict[View, dict[str, dict[Id, None]]] = {}
    for query, changes in effects.items():
        if not changes:
            continue
        frames: list[Frame] | None = None
        for view in query.subscribers:
            if view.sees_alone(query):
                frames = frames or _frames(query.plan.shape, changes)
                view.sink.push_all(frames)
            else:
                collections = shared.setdefault(view, {})
                touched = collections.setdefault(query.plan.shape.collection, {})
                touched.update(dict.fromkeys(changes))
    for view, collections in shared.items():
        for collection, identities in collections.items():
            view.sink.push_all(view.merged(collection, identities, effects))


def _frames(shape: Shape, changes: Changes) -> list[Frame]:
    name = shape.collection
    frames = []
    for identity, (before, after) in changes.items():
        if after is None:
            frames.append(messages.removed(name, identity))
        elif before is None:
            frames.append(messages.added(name, identity, shape.object_text(after)))
        else:
            fields = shape.difference_text(before, after)
            frames.append(messages.changed(name, identity, fields))
    return frames


def _initial(others: list[LiveQuery], query: LiveQuery) -> list[Frame]:
    shape = query.plan.shape
    if not others:
        text, name = shape.object_text, shape.collection
        return [messages.added(name, i, text(values)) for i, values in query.documents.items()]
    frames: list[Frame] = []
    for identity in query.documents:
        before = _visible(others, identity)
        after = _visible([*others, query], identity)
        frames += difference(shape.collection, identity, before, after)
    return frames


def _visible(
    queries: Iterable[LiveQuery], identity: Id, effects: Effects | None = None
) -> Fields | None:
    """The fields of a document that these queries show; with `effects`, before these."""
    fields: Fields | None = None
    for query in queries:
        values = query.documents.get(identity)
        if effects is not None and identity in (changes := effects.get(query, {})):
            values = changes[identity][0]
        if values is not None:
            fields = fields or {}
            for name, value in zip(query.plan.shape.names, values, strict=True):
                fields.setdefault(name, value)
    return fields


def difference(
    collection: str, identity: Id, before: Fields | None, after: Fields | None
) -> list[Frame]:
    """The message, if any, that takes a client from one state of a document to another."""
    if after is None:
        return [] if before is None else [messages.removed(collection, identity)]
    if before is None:
        return [messages.added(collection, identity, _text(after))]
    changed = {name: value for name, value in after.items() if before.get(name) != value}
    cleared = [name for name in before if name not in after]
    if not changed and not cleared:
        return []
    return [messages.changed(collection, identity, _text(changed), cleared)]


def _text(fields: Fields) -> bytes:
    return b"{%s}" % b",".join([key_text(name) + value for name, value in fields.items()])
