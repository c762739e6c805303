"""Documents as every subscriber shares them: an id and encoded field values, built once.

An id is the JSON text of the wire id; values are what the document's shape makes of its fields.
Both are immutable, so they may be handed to any number of sessions.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec

from dddp import ejson
from dddp.livequery.predicates import Unsure
from dddp.protocol.messages import id_to_wire

Id = bytes
Values = tuple[Any, ...]
"""EJSON texts in the order of `Shape.fields`; of an `OpenShape` pairs of name and EJSON text."""
Documents = dict[Id, Values]
Change = tuple[Values | None, Values | None]
Changes = dict[Id, Change]


@dataclass(frozen=True, slots=True)
class PublishedField:
    """One field of a document: its name for clients, its column ("" if computed), its encoder."""

    name: str
    column: str
    encode: Callable[[Any], bytes]


def encode_id(value: Any) -> Id:
    """The wire id of a primary key's JSON image."""
    return id_to_wire(value if type(value) is str else str(value))


@dataclass(frozen=True)
class Shape:
    """How the rows of one table become documents of one collection.

    Attributes:
        collection: name on the wire.
        pk: column of the primary key.
        fields: what is published, in order.
    """

    collection: str
    pk: str
    fields: tuple[PublishedField, ...]
    names: tuple[str, ...] = field(init=False)
    _keys: tuple[bytes, ...] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        names = tuple(each.name for each in self.fields)
        object.__setattr__(self, "names", names)
        object.__setattr__(self, "_keys", tuple(key_text(name) for name in names))

    def from_image(self, row: Mapping[str, Any]) -> Values:
        """The field values of a row image; raises Unsure if the image lacks a column."""
        try:
            return tuple(
                [
                    b"null" if (value := row[each.column]) is None else each.encode(value)
                    for each in self.fields
                ]
            )
        except KeyError as error:
            raise Unsure(error.args[0]) from None

    def from_values(self, values: Sequence[Any]) -> Values:
        """The field values of a row whose JSON values are given in the order of `fields`."""
        return tuple(
            [
                b"null" if value is None else each.encode(value)
                for each, value in zip(self.fields, values, strict=True)
            ]
        )

    def items(self, values: Values) -> Iterable[tuple[str, bytes]]:
        """Names and EJSON texts of all fields."""
        return zip(self.names, values, strict=True)

    def object_text(self, values: Values) -> bytes:
        """All fields as one JSON object."""
        return b"{%s}" % b",".join([k + v for k, v in zip(self._keys, values, strict=True)])

    def size(self, values: Values) -> int:
        """Bytes of all field values."""
        return len(b"".join(values))

    def difference(self, old: Values, new: Values) -> tuple[bytes, list[str]]:
        """The fields whose value is another now, as one JSON object; the names of those gone."""
        pairs = zip(self._keys, old, new, strict=True)
        text = b",".join([key + after for key, before, after in pairs if before != after])
        return b"{%s}" % text, []


@dataclass(frozen=True)
class OpenShape:
    """Documents of one collection whose field names are not known before.

    Attributes:
        collection: name on the wire.
        pk: column of the primary key, "" if they are no rows.
    """

    collection: str
    pk: str = ""

    def from_mapping(self, fields: Mapping[str, Any]) -> Values:
        """The field values of a mapping.

        Raises TypeError for a name that is no string, and a value that EJSON has no form for.
        """
        for name in fields:
            if not isinstance(name, str):
                raise TypeError(f"A field's name is a string, not {name!r}.")
        return tuple([(name, ejson.dumps(value)) for name, value in fields.items()])

    def items(self, values: Values) -> Iterable[tuple[str, bytes]]:
        """Names and EJSON texts of all fields."""
        return values

    def object_text(self, values: Values) -> bytes:
        """All fields as one JSON object."""
        return b"{%s}" % b",".join([key_text(name) + text for name, text in values])

    def size(self, values: Values) -> int:
        """Bytes of all field values."""
        return sum([len(text) for _, text in values])

    def difference(self, old: Values, new: Values) -> tuple[bytes, list[str]]:
        """The fields whose value is another now, as one JSON object; the names of those gone."""
        before, after = dict(old), dict(new)
        changed = tuple([pair for pair in new if before.get(pair[0]) != pair[1]])
        return self.object_text(changed), [name for name in before if name not in after]


AnyShape = Shape | OpenShape


def key_text(name: str) -> bytes:
    """A field's name as the start of a member of a JSON object: `"name":`."""
    return msgspec.json.encode(name) + b":"
