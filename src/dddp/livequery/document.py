"""Documents as every subscriber shares them: an id and encoded field values, built once.

An id is the JSON text of the wire id; the values are the EJSON texts of the fields in the order
of `Shape.fields`. Both are immutable, so they may be handed to any number of sessions.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec

from dddp.livequery.predicates import Unsure
from dddp.protocol.messages import id_to_wire

Id = bytes
Values = tuple[bytes, ...]
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

    def object_text(self, values: Values) -> bytes:
        """All fields as one JSON object."""
        return b"{%s}" % b",".join([k + v for k, v in zip(self._keys, values, strict=True)])

    def difference_text(self, old: Values, new: Values) -> bytes:
        """The fields whose value is another now, as one JSON object."""
        pairs = zip(self._keys, old, new, strict=True)
        return b"{%s}" % b",".join([key + after for key, before, after in pairs if before != after])


def key_text(name: str) -> bytes:
    """A field's name as the start of a member of a JSON object: `"name":`."""
    return msgspec.json.encode(name) + b":"
