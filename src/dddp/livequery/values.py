"""Values of a row's JSON image, made comparable as PostgreSQL compares them.

Only types whose equality and order Python reproduces exactly are here. Text has equality only:
its order is the collation's. Floats have neither: an image holds their shortest decimal form.
"""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from dddp.livequery.predicates import Convert, Unsure


@dataclass(frozen=True, slots=True)
class Comparable:
    """How to compare one PostgreSQL type.

    Attributes:
        from_image: JSON value of a row image -> comparable value; raises Unsure.
        from_param: query parameter -> comparable value; raises Unsure.
        ordered: `<` and `>` agree with PostgreSQL too.
    """

    from_image: Convert
    from_param: Convert
    ordered: bool = True


def _exactly(*types: type) -> Convert:
    def check(value: Any) -> Any:
        if type(value) not in types:
            raise Unsure(value)
        return value

    return check


def _number(value: Any) -> Any:
    if type(value) is int or (type(value) is Decimal and value.is_finite()):
        return value
    raise Unsure(value)


def _integer_param(value: Any) -> Any:
    if isinstance(value, int) and not isinstance(value, bool):
        return int(value)
    return _number(value)


def _text(value: Any) -> Any:
    if isinstance(value, str):
        return str.__str__(value)
    raise Unsure(value)


def _parser(parse: Callable[[str], Any]) -> Convert:
    def convert(value: Any) -> Any:
        try:
            return parse(value)
        except (TypeError, ValueError):
            raise Unsure(value) from None

    return convert


def _moment(text: str) -> dt.datetime:
    moment = dt.datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError(text)
    return moment


def _local(text: str) -> dt.datetime:
    moment = dt.datetime.fromisoformat(text)
    if moment.tzinfo is not None:
        raise ValueError(text)
    return moment


def _moment_param(value: Any) -> Any:
    if type(value) is dt.datetime and value.tzinfo is not None:
        try:
            # == between zones is never true in a repeated hour
            return value.astimezone(dt.UTC)
        except OverflowError:
            pass
    raise Unsure(value)


def _local_param(value: Any) -> Any:
    if type(value) is dt.datetime and value.tzinfo is None:
        return value
    raise Unsure(value)


def _uuid_param(value: Any) -> Any:
    return str(value) if isinstance(value, uuid.UUID) else str(_parser(uuid.UUID)(value))


_NUMBER = Comparable(_number, _integer_param)
_TEXT = Comparable(_text, _text, ordered=False)

COMPARABLES: dict[str, Comparable] = {
    "int2": _NUMBER,
    "int4": _NUMBER,
    "int8": _NUMBER,
    "numeric": _NUMBER,
    "bool": Comparable(_exactly(bool), _exactly(bool)),
    "text": _TEXT,
    "varchar": _TEXT,
    "uuid": Comparable(_exactly(str), _uuid_param),
    "date": Comparable(_parser(dt.date.fromisoformat), _exactly(dt.date)),
    "timestamptz": Comparable(_parser(_moment), _moment_param),
    "timestamp": Comparable(_parser(_local), _local_param),
}
