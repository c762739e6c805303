"""Results whose documents PostgreSQL writes itself, as far as it writes values as clients get them.

Of other values it gives the JSON, which is read and encoded like that of row images. Both ways
lead to the same bytes: `row_to_json` escapes strings as msgspec does.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from dddp.livequery.document import Id, PublishedField, Values, encode_id, key_text
from dddp.livequery.encoders import IMAGE_DECODER, Encoder, encoder_for, string

logger = logging.getLogger("dddp.livequery")

_NUMBERS = frozenset(["int2", "int4", "int8"])
_STRINGS = frozenset(["text", "varchar", "citext", "uuid"])
_AS_IT_IS = _NUMBERS | _STRINGS | {"bool", "bpchar", "date", "time"}
_AS_TEXT = _NUMBERS | _STRINGS | {"numeric"}
_LONGEST_NAME = 63
"""Bytes; PostgreSQL cuts off what is longer."""


def expression(field: PublishedField, place: int, types: Sequence[str]) -> str:
    """SQL of a value that needs nothing done by Python; "" if there is none."""
    type_name = types[place] if field.column and place < len(types) else ""
    if len(field.name.encode()) > _LONGEST_NAME:
        return ""
    if field.encode is string:
        return f"q.c{place}::text" if type_name in _AS_TEXT else ""
    if type_name in _AS_IT_IS and field.encode is encoder_for(type_name):
        return f"q.c{place}"
    return ""


@dataclass(frozen=True, eq=False, slots=True)
class Direct:
    """How to select documents, and to read them.

    Attributes:
        columns: SQL of what is selected of a row `q`: the key, the fields, and each other value.
        source: SQL that is joined to it.
        collection: for the log.
        key_is_json: the key has to be read; else it is the id.
        others: encoders of the other values.
        template: what the fields are made of, with others.
    """

    columns: tuple[str, ...]
    source: str
    collection: str
    key_is_json: bool
    others: tuple[Encoder, ...]
    template: bytes

    def read(self, rows: Iterable[Sequence[str]]) -> dict[Id, Values]:
        """The documents of the rows; of those that have no form there is a line in the log."""
        if self.others:
            return dict(self._read(rows))
        if self.key_is_json:
            rows = ((_decode(key), fields) for key, fields in rows)
        return {encode_id(key): fields.encode() for key, fields in rows}

    def _read(self, rows: Iterable[Sequence[str]]) -> Iterator[tuple[Id, Values]]:
        for key, fields, *others in rows:
            try:
                identity = encode_id(_decode(key) if self.key_is_json else key)
                encoded = [
                    b"null" if text is None else encode(_decode(text))
                    for encode, text in zip(self.others, others, strict=True)
                ]
                yield identity, self.template % (fields[:-1].encode(), *encoded)
            except Exception:
                logger.exception("A row of %s cannot be published and is left out", self.collection)


def in_order(
    fields: Sequence[PublishedField], places: Sequence[int], types: Sequence[str]
) -> tuple[tuple[PublishedField, ...], tuple[int, ...]]:
    """Fields and their places, those first that PostgreSQL writes: they are one text."""
    pairs = zip(fields, places, strict=True)
    ordered = sorted(pairs, key=lambda pair: not expression(pair[0], pair[1], types))
    return tuple(field for field, _ in ordered), tuple(place for _, place in ordered)


def direct(
    collection: str,
    fields: Sequence[PublishedField],
    places: Sequence[int],
    types: Sequence[str],
    key_place: int,
    related: Sequence[str],
) -> Direct:
    """How documents with these fields are selected.

    Args:
        places: of each field among the columns of a row `q`, and `related` behind them.
        types: of the columns.
        related: SQL of what is selected beside them, each behind a comma.
    """
    written, columns, others = [], [], []
    for field, place in zip(fields, places, strict=True):
        sql = expression(field, place, types)
        if sql:
            written.append(f"{sql} AS {_quoted(field.name)}")
        else:
            own = place < len(types)
            columns.append(_json(place) if own else related[place - len(types)].removeprefix(", "))
            others.append(field)
    separator = b"," if written else b""
    members = b",".join([key_text(each.name).replace(b"%", b"%%") + b"%b" for each in others])
    is_plain = types[key_place] in _NUMBERS | _STRINGS
    key = f"q.c{key_place}::text" if is_plain else _json(key_place)
    return Direct(
        columns=(key, "row_to_json(d)::text", *columns),
        source=f"CROSS JOIN LATERAL (SELECT {', '.join(written)}) d",
        collection=collection,
        key_is_json=not is_plain,
        others=tuple(each.encode for each in others),
        template=b"%b" + separator + members + b"}",
    )


def _json(place: int) -> str:
    return f"to_json(q.c{place})::text"


def _quoted(name: str) -> str:
    escaped = name.replace('"', '""').replace("%", "%%")
    return f'"{escaped}"'


_decode: Any = IMAGE_DECODER.decode
