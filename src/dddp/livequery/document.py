"""Documents as every subscriber shares them: an id and the text of their fields, built once.

An id is the JSON text of the wire id; the fields are one JSON object, as it is in messages. Both
are immutable, so they may be handed to any number of sessions. Fields are told apart (`members`)
only where a difference has to be found.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec

from dddp import ejson
from dddp.livequery.predicates import Unsure
from dddp.protocol.messages import id_to_wire

Id = bytes
Values = bytes
"""All fields as one JSON object, their values in EJSON; equal texts for equal fields."""
Documents = dict[Id, Values]
Change = tuple[Values | None, Values | None]
Changes = dict[Id, Change]
Members = dict[str, msgspec.Raw]
"""Names and EJSON texts of fields."""

members: Callable[[Values], Members] = msgspec.json.Decoder(Members).decode
joined: Callable[[Members], Values] = msgspec.json.encode


def difference(before: Members, after: Members) -> tuple[Values, list[str]]:
    """The fields whose value is another now; the names of those gone."""
    changed = {name: text for name, text in after.items() if before.get(name) != text}
    return joined(changed), [name for name in before if name not in after]


@dataclass(frozen=True, slots=True)
class PublishedField:
    """One field of a document: its name for clients, its column ("" if computed), its encoder."""

    name: str
    column: str
    encode: Callable[[Any], bytes]


def encode_id(value: Any) -> Id:
    """The wire id of a key's JSON image."""
    return id_to_wire(value if type(value) is str else str(value))


@dataclass(frozen=True)
class Shape:
    """How the rows of one table become documents of one collection.

    Attributes:
        collection: name on the wire.
        pk: column of the key: of the primary key, or of the `AleaIdField` beside it.
        fields: what is published, in order.
    """

    collection: str
    pk: str
    fields: tuple[PublishedField, ...]
    names: tuple[str, ...] = field(init=False)
    _template: bytes = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        names = tuple(each.name for each in self.fields)
        object.__setattr__(self, "names", names)
        places = b",".join([key_text(name).replace(b"%", b"%%") + b"%b" for name in names])
        object.__setattr__(self, "_template", b"{%b}" % places)

    def from_image(self, row: Mapping[str, Any]) -> Values:
        """The fields of a row image; raises Unsure if the image lacks a column."""
        try:
            return self.from_values([row[each.column] for each in self.fields])
        except KeyError as error:
            raise Unsure(error.args[0]) from None

    def from_values(self, values: Sequence[Any]) -> Values:
        """The fields of a row whose JSON values are given in the order of `fields`."""
        return self._template % tuple(
            [
                b"null" if value is None else each.encode(value)
                for each, value in zip(self.fields, values, strict=True)
            ]
        )


@dataclass(frozen=True)
class OpenShape:
    """Documents of one collection whose field names are not known before.

    Attributes:
        collection: name on the wire.
        pk: column of the key, "" if they are no rows.
    """

    collection: str
    pk: str = ""

    def from_mapping(self, fields: Mapping[str, Any]) -> Values:
        """The fields of a mapping.

        Raises TypeError for a name that is no string, and a value that EJSON has no form for.
        """
        for name in fields:
            if not isinstance(name, str):
                raise TypeError(f"A field's name is a string, not {name!r}.")
        return b"{%b}" % b",".join(
            [key_text(name) + ejson.dumps(value) for name, value in fields.items()]
        )


AnyShape = Shape | OpenShape


def key_text(name: str) -> bytes:
    """A field's name as the start of a member of a JSON object: `"name":`."""
    return msgspec.json.encode(name) + b":"
