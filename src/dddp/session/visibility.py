"""What one client sees, without a copy of it: references to sources of documents.

A source is a live query that many clients share, or what one imperative publication has added.

A document is visible to a client iff one of its sources on that collection contains it. Its
fields are the union of theirs; where two publish the same field, the source joined first gives
the value (Meteor 3, "merge box": one value per field, the first publisher's).

No Django, no asyncio, no clock. Nothing here waits: a difference is computed in one go.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any, Protocol, TypeVar

from dddp.livequery.document import (
    AnyShape,
    Change,
    Changes,
    Documents,
    Id,
    Members,
    Values,
    difference,
    joined,
    members,
)
from dddp.protocol import messages
from dddp.protocol.frames import Frame
from dddp.session.batch import Batch, emptying
from dddp.session.initial import KEPT, Initial

MANY = 500
"""Of more documents than these, frames are built when they are taken."""
SAMPLE = 100
ENVELOPE = 64
"""About the bytes of a message without field values."""


class Source(Protocol):
    """Documents of one collection, as `LiveQuery` has them.

    Attributes:
        subscribers: the views to tell of changes.
        listeners: called with the changes.
        initial: what tells of `documents` as they are, once there are several to tell; None again
            when they change.
    """

    documents: Documents
    subscribers: dict[Any, None]
    listeners: list[Callable[[Changes], None]]
    initial: Any

    @property
    def shape(self) -> AnyShape: ...


AnySource = TypeVar("AnySource", bound=Source)
T = TypeVar("T")


class Sink(Protocol):
    """Takes frames for one client: its outbox."""

    def push_all(self, frames: list[Frame] | Batch) -> None: ...
    def push_initial(self, frames: list[Frame] | Batch) -> None: ...


class View:
    """The sources one client looks at."""

    __slots__ = ("_collections", "_held", "sink")

    def __init__(self, sink: Sink) -> None:
        self.sink = sink
        self._held: dict[Source, int] = {}
        self._collections: dict[str, list[Source]] = {}

    @property
    def sources(self) -> list[Source]:
        """All sources looked at, in order of joining."""
        return list(self._held)

    def join(self, source: Source) -> None:
        """See a source's documents, and from now on its changes."""
        self._held[source] = self._held.get(source, 0) + 1
        if self._held[source] > 1:
            return
        source.subscribers[self] = None
        others = self._collections.setdefault(source.shape.collection, [])
        frames = _initial(others, source)
        others.append(source)
        self.sink.push_initial(frames)

    def leave(self, source: Source) -> None:
        """See it no more; documents that no other source shows are removed."""
        self._held[source] -= 1
        if self._held[source]:
            return
        name = source.shape.collection
        before = list(self._collections[name])
        self.forget(source)
        after = self._collections.get(name)
        if after is None:
            self.sink.push_all(_removed(name, source.documents))
            return
        self.sink.push_all(_differences(name, source.documents, before, after))

    def forget(self, source: Source) -> None:
        """Stop looking without a word to the client."""
        self._held.pop(source, None)
        source.subscribers.pop(self, None)
        name = source.shape.collection
        sources = self._collections.get(name, [])
        if source in sources:
            sources.remove(source)
        if not sources:
            self._collections.pop(name, None)

    def become(self, sources: Iterable[Source]) -> None:
        """Look at these and nothing else; the client is told of the difference only."""
        before, old = self._collections, self._held
        self._held = dict(Counter(sources))
        self._collections = {}
        for source in self._held:
            source.subscribers[self] = None
            self._collections.setdefault(source.shape.collection, []).append(source)
        for source in old:
            if source not in self._held:
                source.subscribers.pop(self, None)
        frames: list[Frame] = []
        for name in dict.fromkeys([*before, *self._collections]):
            was, now = before.get(name, []), self._collections.get(name, [])
            if was != now:
                touched = dict.fromkeys(i for source in [*was, *now] for i in source.documents)
                frames += _differences(name, touched, was, now)
        self.sink.push_initial(frames)

    def sees_alone(self, source: Source) -> bool:
        """Is it the only one on its collection, so that its changes are the client's?"""
        return len(self._collections[source.shape.collection]) == 1

    def merged(
        self, collection: str, identities: Iterable[Id], effects: Mapping[Any, Changes]
    ) -> list[Frame]:
        """The frames for documents that several sources may show, after a transaction."""
        sources = self._collections[collection]
        frames: list[Frame] = []
        for identity in identities:
            before = _visible(sources, identity, effects)
            after = _visible(sources, identity)
            frames += _step(collection, identity, before, after)
        return frames


def deliver(effects: Mapping[AnySource, Changes]) -> None:
    """Tell every view of the effects of one transaction; equal frames are built once."""
    # First, as they may end a session, whose view sees nothing then.
    for source, changes in effects.items():
        for listener in list(source.listeners) if changes else ():
            listener(changes)
    shared: dict[View, dict[str, dict[Id, None]]] = {}
    for source, changes in effects.items():
        if not changes:
            continue
        alone = []
        for view in source.subscribers:
            if view.sees_alone(source):
                alone.append(view)
            else:
                collections = shared.setdefault(view, {})
                touched = collections.setdefault(source.shape.collection, {})
                touched.update(dict.fromkeys(changes))
        _tell(alone, source.shape, changes)
    for view, collections in shared.items():
        for collection, identities in collections.items():
            view.sink.push_all(view.merged(collection, identities, effects))


def _tell(views: list[View], shape: AnyShape, changes: Changes) -> None:
    if not views:
        return
    if len(changes) > MANY:
        values = [after or b"" for _, after in _some(changes.values())]
        size = _about_size(values, len(changes))
        built = _frames(shape, emptying(list(changes.items())))
        batch = Batch(built, size, len(changes))
        for view, own in zip(views, batch.shared(len(views)), strict=True):
            view.sink.push_all(own)
    else:
        frames = list(_frames(shape, changes.items()))
        for view in views:
            view.sink.push_all(frames)


def _frames(shape: AnyShape, changes: Iterable[tuple[Id, Change]]) -> Iterator[Frame]:
    name = shape.collection
    for identity, (before, after) in changes:
        if after is None:
            yield messages.removed(name, identity)
        elif before is None:
            yield messages.added(name, identity, after)
        else:
            fields, cleared = difference(members(before), members(after))
            yield from _changed(name, identity, fields, cleared)


def _initial(others: list[Source], source: Source) -> list[Frame] | Batch:
    shape, documents = source.shape, source.documents
    if others:
        return _differences(shape.collection, documents, others, [*others, source])
    if len(source.subscribers) > 1 and (initial := _shared(source)).kept:
        return initial.batch() if len(documents) > MANY else initial.all()
    if len(documents) > MANY:
        frames = messages.all_added(shape.collection, dict(documents))
        return Batch(frames, _size_of(documents), len(documents))
    return list(messages.all_added(shape.collection, documents))


def _shared(source: Source) -> Initial:
    """What tells of its documents; there is nothing in one that is not kept."""
    initial: Initial | None = source.initial
    if initial is None or not initial.kept:
        documents = source.documents
        frames = messages.all_added(source.shape.collection, dict(documents))
        initial = Initial(frames, len(documents), _size_of(documents))
        source.initial = initial
        KEPT.add(initial)
    return initial


def _removed(name: str, documents: Documents) -> list[Frame] | Batch:
    frames = (messages.removed(name, identity) for identity in list(documents))
    number = len(documents)
    return Batch(frames, ENVELOPE * number, number) if number > MANY else list(frames)


def _some(values: Collection[T]) -> list[T]:
    """At most `SAMPLE` of them, from everywhere."""
    return list(islice(values, 0, None, -(-len(values) // SAMPLE)))


def _about_size(some: Sequence[Values], number: int) -> int:
    """The bytes of so many messages, by some: measuring all would hold everyone up."""
    each = sum(map(len, some)) // len(some) + ENVELOPE
    return each * number


def _size_of(documents: Documents) -> int:
    return _about_size(_some(documents.values()), len(documents)) if documents else 0


def _differences(
    collection: str, identities: Iterable[Id], before: list[Source], after: list[Source]
) -> list[Frame]:
    frames: list[Frame] = []
    for identity in identities:
        was, now = _visible(before, identity), _visible(after, identity)
        frames += _step(collection, identity, was, now)
    return frames


def _visible(
    sources: Iterable[Source], identity: Id, effects: Mapping[Any, Changes] | None = None
) -> Members | None:
    """The fields of a document that these sources show; with `effects`, before these."""
    fields: Members | None = None
    for source in sources:
        values = source.documents.get(identity)
        if effects is not None and identity in (changes := effects.get(source, {})):
            values = changes[identity][0]
        if values is not None:
            fields = members(values) | (fields or {})
    return fields


def _step(
    collection: str, identity: Id, before: Members | None, after: Members | None
) -> list[Frame]:
    """The message, if any, that takes a client from one state of a document to another."""
    if after is None:
        return [] if before is None else [messages.removed(collection, identity)]
    if before is None:
        return [messages.added(collection, identity, joined(after))]
    fields, cleared = difference(before, after)
    return _changed(collection, identity, fields, cleared)


def _changed(collection: str, identity: Id, fields: Values, cleared: list[str]) -> list[Frame]:
    if not cleared and fields == b"{}":
        return []
    return [messages.changed(collection, identity, fields, cleared)]
