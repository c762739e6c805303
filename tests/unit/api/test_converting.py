"""What clients send becomes the values that would be published as that."""

from __future__ import annotations

import datetime as dt
import uuid
from decimal import Decimal
from typing import Any

import pytest
from django.contrib.postgres.fields import HStoreField
from django.core.exceptions import ValidationError
from django.db.backends.postgresql.psycopg_any import DateTimeTZRange, NumericRange
from django.test import override_settings

from dddp.api.converting import python_value
from dddp.api.ids import key_of
from zoo.models import Profile, Specimen

NEW_YEAR = dt.datetime(2024, 1, 1, tzinfo=dt.UTC)


def convert(name: str, value: Any) -> Any:
    return python_value(Specimen._meta.get_field(name), value)


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("text", "é", "é"),
        ("number", 5, 5),
        ("number", 5.0, 5),
        ("big", 2**53, 2**53),
        ("exact", "1.50", Decimal("1.50")),
        ("exact", 2, Decimal(2)),
        ("real", 2, 2.0),
        ("real", float("inf"), float("inf")),
        ("flag", False, False),
        ("day", "2024-01-01", dt.date(2024, 1, 1)),
        ("clock", "12:30:00.5", dt.time(12, 30, 0, 500000)),
        ("moment", NEW_YEAR, NEW_YEAR),
        ("span", "P1DT00H00M01S", dt.timedelta(days=1, seconds=1)),
        (
            "token_id",
            "0123456789abcdef0123456789abcdef",
            uuid.UUID(int=0x123456789ABCDEF << 64 | 0x123456789ABCDEF),
        ),
        ("raw", b"\0x", b"\0x"),
        ("tree", {"a": [1, None, {"$date": 1}]}, {"a": [1, None, {"$date": 1}]}),
        ("names", ["a", None], ["a", None]),
        ("numbers", ["1.5"], [Decimal("1.5")]),
        ("pages", {"lower": 1, "upper": None, "bounds": "[)"}, NumericRange(1, None, "[)")),
        ("pages", {"lower": None, "upper": None, "bounds": ""}, NumericRange(empty=True)),
        (
            "open_hours",
            {"lower": NEW_YEAR, "upper": NEW_YEAR, "bounds": "[]"},
            DateTimeTZRange(NEW_YEAR, NEW_YEAR, "[]"),
        ),
        ("address", "::1", "::1"),
        ("text", None, None),
    ],
)
def test_of_each_type(name: str, value: Any, expected: Any) -> None:
    found = convert(name, value)
    assert found == expected
    assert type(found) is type(expected)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *(
            (name, {"$ne": 1})
            for name in ("text", "number", "exact", "flag", "day", "moment", "raw")
        ),
        *((name, [1]) for name in ("text", "number", "exact", "token_id", "span", "clock")),
        ("text", "\0"),
        ("number", 1.5),
        ("number", float("inf")),
        ("number", True),
        ("number", "1"),
        ("exact", True),
        ("exact", "x"),
        ("exact", float("nan")),
        ("exact", "sNaN"),
        ("exact", "-Infinity"),
        ("real", "1"),
        ("flag", 1),
        ("day", NEW_YEAR),
        ("clock", "25:00"),
        ("moment", 1),
        ("span", "long"),
        ("token_id", "x"),
        ("raw", "x"),
        ("tree", {"a": NEW_YEAR}),
        ("tree", {"a\0": 1}),
        ("tree", float("nan")),
        ("names", "ab"),
        ("names", [5]),
        ("numbers", [["1"]]),
        ("pages", [1, 2]),
        ("pages", {"lower": 1, "upper": 2}),
        ("pages", {"lower": 1, "upper": 2, "bounds": "()x"}),
        ("pages", {"lower": "1", "upper": 2, "bounds": "[)"}),
    ],
)
def test_of_another_kind(name: str, value: Any) -> None:
    with pytest.raises(ValidationError):
        convert(name, value)


def test_without_zones() -> None:
    with override_settings(USE_TZ=False):
        assert convert("moment", NEW_YEAR) == dt.datetime(2024, 1, 1)


def test_texts_by_name() -> None:
    field = HStoreField()
    assert python_value(field, {"a": "b", "c": None}) == {"a": "b", "c": None}
    for wrong in ({"a": 1}, ["a"], {"a": "\0"}):
        with pytest.raises(ValidationError):
            python_value(field, wrong)


def test_keys_of_others() -> None:
    field = Profile._meta.get_field("member")
    assert python_value(field, "5") == 5
    assert key_of(Profile._meta.pk, "5") == 5
    for wrong in (5, "05", {"$gt": 0}):
        with pytest.raises(ValidationError):
            python_value(field, wrong)
