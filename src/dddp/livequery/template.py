"""SQL whose constants may be taken from the rows of a table instead: parameters as data."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

_MARKS = re.compile(r"(%[%s]|<<dddp \w+>>)")  # %%s is no parameter

Fill = tuple[str, list[Any]]
"""SQL with placeholders, and what they stand for."""


@dataclass(frozen=True, slots=True)
class Constant:
    """A parameter that stays one."""

    value: Any


@dataclass(frozen=True, slots=True)
class Datum:
    """A parameter that can be a column: its number among these."""

    number: int


class Hole:
    """A condition in a WHERE clause that is put in place later, by name."""

    contains_aggregate = False
    contains_over_clause = False

    def __init__(self, name: str) -> None:
        self.name = name

    def as_sql(self, _compiler: Any, _connection: Any) -> tuple[str, list[Any]]:
        """For Django's compiler."""
        return f"<<dddp {self.name}>>", []


class Template:
    """A statement in pieces: text, parameters and holes.

    Attributes:
        kinds: for each datum its type; "" for what PostgreSQL makes of an untyped literal.
        constants: the parameters that are no data.
        types: the kinds, with what PostgreSQL makes of literals; () while it has not been asked.
    """

    __slots__ = ("_pieces", "constants", "data", "kinds", "types")

    def __init__(self, sql: str, params: Sequence[Any]) -> None:
        self._pieces: list[str | Constant | Datum] = []
        self.constants: list[Any] = []
        self.data: list[Any] = []
        self.kinds: list[str] = []
        self.types: tuple[str, ...] = ()
        rest = iter(params)
        for piece in _MARKS.split(sql):
            self._pieces.append(self._parameter(next(rest)) if piece == "%s" else piece)

    def _parameter(self, value: Any) -> Constant | Datum:
        kind = kind_of(value)
        if kind is None:
            self.constants.append(value)
            return Constant(value)
        self.kinds.append(kind)
        self.data.append(value)
        return Datum(len(self.data) - 1)

    def filled(self, holes: Mapping[str, Fill], data: Sequence[Any] | None) -> Fill:
        """The statement with its holes filled; `data` in place, or None: from columns of `p`."""
        text: list[str] = []
        params: list[Any] = []
        for piece in self._pieces:
            if isinstance(piece, Constant):
                text.append("%s")
                params.append(piece.value)
            elif isinstance(piece, Datum):
                text.append(f"p.v{piece.number}" if data is None else "%s")
                params += [] if data is None else [data[piece.number]]
            elif piece.startswith("<<dddp "):
                sql, values = holes.get(piece[7:-2], ("TRUE", []))
                text.append(sql)
                params += values
            else:
                text.append(piece)
        return "".join(text), params

    def numbered(self) -> tuple[str, list[str]]:
        """The statement for PREPARE, and the types of its parameters ("unknown" if it decides)."""
        text: list[str] = []
        kinds: list[str] = []
        for piece in self._pieces:
            if isinstance(piece, Datum | Constant):
                kind = self.kinds[piece.number] if isinstance(piece, Datum) else ""
                kinds.append(kind or "unknown")
                text.append(f"${len(kinds)}")
            else:
                text.append("TRUE" if piece.startswith("<<dddp ") else piece.replace("%%", "%"))
        return "".join(text), kinds

    def data_places(self) -> list[int]:
        """For each datum its place among all parameters."""
        parameters = [piece for piece in self._pieces if isinstance(piece, Datum | Constant)]
        return [place for place, each in enumerate(parameters) if isinstance(each, Datum)]


_SIMPLE = ((str, ""), (date, "date"), (timedelta, "interval"), (UUID, "uuid"))


def kind_of(value: Any) -> str | None:
    """The type of a parameter written as a literal, "" if it has none; None: leave it a literal.

    Literals are typed as drivers and PostgreSQL do ("Lexical Structure", numeric constants).
    """
    if isinstance(value, bool):
        return "bool"
    if isinstance(value, int):
        bits = int(value).bit_length()
        return "int4" if bits < 32 else "int8" if bits < 64 else "numeric"
    if isinstance(value, Decimal):
        return "numeric" if value.is_finite() else None
    if isinstance(value, float):
        return "numeric" if math.isfinite(value) else None
    if isinstance(value, datetime):
        return "timestamp" if value.tzinfo is None else "timestamptz"
    if isinstance(value, time):
        return "time" if value.tzinfo is None else "timetz"
    return next((kind for known, kind in _SIMPLE if isinstance(value, known)), None)


def as_text(value: Any) -> str:
    """A JSON or comparable value as PostgreSQL reads it from text."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return value if isinstance(value, str) else str(value)


def frozen(value: Any, written: Callable[[Any], str]) -> Any:
    """A hashable stand-in that is equal only for parameters of equal effect.

    Args:
        written: gives a parameter as the driver writes it.
    """
    if isinstance(value, list | tuple):
        return (type(value), *(frozen(item, written) for item in value))
    if isinstance(value, Decimal | float | datetime):
        return (type(value), repr(value))  # equal ones may look different to a client
    if isinstance(value, str | int | bytes | date | UUID | None):
        return (type(value), value)
    return (type(value), written(value))  # JSON, ranges, addresses
