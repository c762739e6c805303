"""Conditions on a row's own columns, decided in Python or by the database."""

import datetime as dt
import uuid
from decimal import Decimal

import pytest
from django.contrib.postgres.search import SearchQuery, SearchRank, SearchVector
from django.db.models import (
    Case,
    CharField,
    F,
    Func,
    IntegerField,
    Lookup,
    Q,
    TextField,
    Transform,
    Value,
    When,
)
from django.db.models.fields.json import KT
from django.db.models.functions import (
    Abs,
    Cast,
    Coalesce,
    Collate,
    Concat,
    Length,
    Lower,
    Mod,
    TruncMonth,
)
from django.test.utils import register_lookup
from rows import Rows

from zoo.models import Folded, Specimen

NOON = dt.datetime(2026, 5, 6, 12, 30, tzinfo=dt.UTC)  # a Wednesday
DAY = dt.timedelta(days=1)


def rows(make, first, second, *values):
    return Rows(make, (first, second), values, {"paper": "other.pdf"})


def find(lookup, first, second, neither=None):
    """One lookup; each of `first` and `second` is a parameter with a value it finds."""
    field = lookup.split("__")[0]
    values = ({field: value} for value in (first[1], second[1], neither))
    return rows(
        lambda value: Specimen.objects.filter(**{lookup: value}), first[0], second[0], *values
    )


def made(expression, first, second, *values):
    """What an expression makes of a row, equal to the parameter."""
    return rows(
        lambda value: Specimen.objects.alias(made=expression).filter(made=value),
        first,
        second,
        *values,
    )


class Backwards(Lookup):
    """A lookup of one's own."""

    lookup_name = "backwards"

    def as_sql(self, compiler, connection):
        lhs, params = self.process_lhs(compiler, connection)
        rhs, more = self.process_rhs(compiler, connection)
        return f"reverse({lhs}) = {rhs}", (*params, *more)


class Loud(Transform):
    """A transform of both sides."""

    lookup_name = "loud"
    function = "upper"
    bilateral = True


MAY = dt.datetime(2026, 5, 1, tzinfo=dt.UTC)
S = Specimen.objects

KINDS = {
    # compared as stored
    "text": find("text", ("a", "a"), ("b", "b")),
    "text, empty": find("text", ("", ""), ("b", "b")),
    "text in": find("text__in", (["a", "x"], "a"), (["b", "y"], "b"), "c"),
    "text order": rows(
        lambda text: S.filter(text__gt=text, text__lt=text + "z"),
        *("a", "m", {"text": "ab"}, {"text": "mb"}, {"text": "q"}),
    ),
    "number in": find("number__in", ([1, 2], 2), ([3, 4], 3), 5),
    "number between": find("number__range", ((1, 3), 2), ((5, 7), 7), 4),
    "decimal": find("exact", (Decimal("0.1"), Decimal("0.1000")), (Decimal(2), Decimal(2))),
    "float": find("real", (0.1, 0.1), (0.2, 0.2), 0.3),
    "float between": find("real__range", ((0.1, 0.2), 0.15), ((1, 2), 2), 3),
    "uuid": find("token_id", (uuid.UUID(int=1),) * 2, (uuid.UUID(int=2),) * 2),
    "date": find("day", (NOON.date(),) * 2, (NOON.date() + DAY,) * 2),
    "duration": find("span", (DAY, DAY), (-DAY, -DAY)),
    "bytes": find("raw", (b"\0", b"\0"), (b"", b"")),
    "address": find("address", ("10.0.0.1", "10.0.0.1"), ("::1", "::1")),
    "secret": find("password", ("old", "old"), ("new", "new")),
    "moments": rows(
        lambda moment: S.filter(moment__gte=moment, moment__lt=moment + DAY),
        *(NOON, NOON + DAY),
        *({"moment": moment} for moment in (NOON + DAY / 2, NOON + DAY, NOON + 2 * DAY)),
    ),
    # logic
    "null": rows(
        lambda number: S.filter(text=None, number=number),
        *(1, 2),
        *({"text": None, "number": 1}, {"text": None, "number": 2}, {"text": "", "number": 1}),
    ),
    "or": rows(
        lambda number: S.filter(Q(number=number, flag=True) | Q(big=number)),
        *(1, 2),
        {"number": 1, "flag": True, "big": None},
        {"number": 1, "flag": False, "big": 2},
        {"number": 2, "flag": None, "big": 3},
    ),
    "exclude, with null": rows(
        lambda big: S.filter(big=big).exclude(number__gt=5),
        *(1, 2),
        *({"big": 1, "number": 5}, {"big": 2, "number": None}, {"big": 1, "number": 6}),
    ),
    "not both": rows(
        lambda big: S.filter(~Q(number=1, flag=True), big=big),
        *(1, 2),
        {"big": 1, "number": 1, "flag": None},
        {"big": 2, "number": 2, "flag": True},
        {"big": 2, "number": 1, "flag": True},
    ),
    "either, not both": rows(
        lambda number: S.filter(Q(small=number) ^ Q(number=number)),
        *(1, 2),
        *({"small": 1, "number": 0}, {"small": 0, "number": 2}, {"small": 1, "number": 1}),
    ),
    "F": rows(
        lambda more: S.filter(number=F("big") + more),
        *(1, 2),
        *({"number": 6, "big": 5}, {"number": 7, "big": 5}, {"number": 5, "big": 5}),
    ),
    "F between": rows(
        lambda small: S.filter(small=small, number__range=(F("small"), F("big"))),
        *(1, 2),
        {"small": 1, "number": 3, "big": 5},
        {"small": 2, "number": 2, "big": 2},
        {"small": 2, "number": 1, "big": None},
    ),
    # patterns
    "iexact": find("text__iexact", ("emma", "EMMA"), ("Ärger", "äRGER")),
    "contains": find("text__contains", ("50%", "a 50% b"), ("5_", "x5_y"), "500"),
    "icontains": find("text__icontains", ("B", "abc"), ("\\Y", "x\\yz"), "y"),
    "startswith": find("text__startswith", ("a", "ab"), ("b", "ba"), "Ab"),
    "istartswith": find("text__istartswith", ("a", "Ab"), ("b", "BA"), ""),
    "endswith": find("text__endswith", ("a", "ba"), ("b", "ab"), "bA"),
    "regex": find("text__regex", ("^a+$", "aa"), ("^b+$", "b"), "ab"),
    "iregex": find("text__iregex", ("^a+$", "aA"), ("^b+$", "B"), ""),
    "citext": Rows(
        lambda name: Folded.objects.filter(name=name),
        ("a", "B"),
        ({"name": "A"}, {"name": "b"}, {"name": "c"}),
        {},
    ),
    "full-text": rows(
        lambda word: S.alias(found=SearchVector("text", "short", config="english")).filter(
            found=SearchQuery(word, config="english")
        ),
        *("horse", "dog"),
        {"text": "Wild horses", "short": None},
        {"text": None, "short": "the dogs"},
        {"text": "A cat", "short": "hors"},
    ),
    "full-text rank": rows(
        lambda word: S.annotate(
            rank=SearchRank(
                SearchVector("text", config="simple"), SearchQuery(word, config="simple")
            )
        ).filter(rank__gt=0),
        *("a", "b", {"text": "x a y a"}, {"text": "b"}, {"text": "c"}),
    ),
    # JSON, arrays, ranges
    "JSON": find("tree", ({"k": 1}, {"k": 1}), ([], []), {"k": "1"}),
    "JSON key": find("tree__k", ("a", {"k": "a", "x": 1}), (2, {"k": 2}), {"k": None}),
    "JSON path": find("tree__a__0__b", (1, {"a": [{"b": 1}]}), (2, {"a": [{"b": 2}]}), {"a": [3]}),
    "JSON key order": rows(
        lambda number: S.filter(tree__k__gt=number, tree__k__lt=number + 5),
        *(5, 10, {"tree": {"k": 6}}, {"tree": {"k": 14.5}}, {"tree": {"k": "7"}}),
    ),
    "JSON key pattern": find("tree__k__icontains", ("A", {"k": "xay"}), ("b", {"k": "B"}), [1]),
    "JSON key text": rows(
        lambda text: S.alias(text_of_k=KT("tree__k")).filter(text_of_k=text),
        *("1", "b", {"tree": {"k": 1}}, {"tree": {"k": "b"}}, {"tree": {"k": [1]}}),
    ),
    "JSON key null": rows(
        lambda number: S.filter(tree__k__isnull=False, tree__k=None, number=number),
        *(1, 2),
        {"tree": {"k": None}, "number": 1},
        {"tree": {"k": None}, "number": 2},
        {"tree": {}, "number": 1},
    ),
    "JSON has key": find("tree__has_key", ("a", {"a": None}), ("b", {"b": 1}), {"c": "a"}),
    "JSON contains": find("tree__contains", ({"a": 1}, {"a": 1, "b": 2}), ([1], [2, 1]), {"a": 2}),
    "array": find("names", (["a", "b"], ["a", "b"]), ([], []), ["b", "a"]),
    "array contains": find("names__contains", (["a"], ["b", "a"]), (["c"], ["c", None]), [None]),
    "array contained": find("names__contained_by", (["a", "x"], ["a"]), (["b"], ["b", "b"]), ["c"]),
    "array overlap": find("names__overlap", (["a", "x"], ["a"]), (["b"], ["c", "b"]), []),
    "array length": find("names__len", (1, [None]), (2, ["a", "a"]), ["a"] * 3),
    "array item": find("names__0", ("a", ["a", "b"]), ("b", ["b", "a"]), []),
    "range contains": find("pages__contains", (3, (1, 4)), (9, (5, None)), (None, 3)),
    "range overlap": find("pages__overlap", ((1, 3), (2, 9)), ((10, 20), (19, None)), (5, 7)),
    "range start": find("pages__startswith", (1, (1, 4)), (5, (5, None)), (2, 4)),
    "range empty": rows(
        lambda number: S.filter(pages__isempty=True, number=number),
        *(1, 2),
        *({"pages": (3, 3), "number": number} for number in (1, 2, 3)),
    ),
    "moments contain": find(
        "open_hours__contains",
        *((NOON, (NOON, NOON + DAY)), (NOON + DAY, (NOON + DAY, None)), (None, NOON)),
    ),
    # parts and functions
    "year": find("moment__year", (2026, NOON), (2027, NOON.replace(year=2027)), MAY - 365 * DAY),
    "month": find("day__month", (5, NOON.date()), (4, MAY.date() - DAY), None),
    "week day": find("moment__week_day", (4, NOON), (5, NOON + DAY), NOON - DAY),
    "date of a moment": find("moment__date", (NOON.date(), NOON), (MAY.date(), MAY)),
    "hour": find("clock__hour", (5, dt.time(5, 59)), (6, dt.time(6)), dt.time(7)),
    "month cut off": rows(
        lambda month: S.annotate(month=TruncMonth("moment")).filter(month=month),
        *(MAY, MAY + 31 * DAY),
        *({"moment": moment} for moment in (NOON, NOON + 30 * DAY, MAY - DAY)),
    ),
    "length": made(Length("text"), *(1, 2), {"text": "a"}, {"text": "bb"}, {"text": ""}),
    "lower": made(Lower("text"), *("a", "b"), {"text": "A"}, {"text": "b"}, {"text": None}),
    "coalesce": made(
        Coalesce("text", Cast("short", TextField())),
        *("a", "b"),
        {"text": None, "short": "a"},
        {"text": "b", "short": "a"},
        {"text": None, "short": None},
    ),
    "concat": made(
        Concat("text", Value("-"), "short", output_field=TextField()),
        *("a-", "-b"),
        {"text": "a", "short": None},
        {"text": None, "short": "b"},
        {"text": "a", "short": "b"},
    ),
    "mod": made(Mod("number", 3), *(1, 2), {"number": 4}, {"number": 5}, {"number": 6}),
    "cast": made(
        Cast("number", TextField()), *("1", "2"), {"number": 1}, {"number": 2}, {"number": None}
    ),
    "any function": made(
        Func("text", function="reverse", output_field=TextField()),
        *("ab", "ba", {"text": "ba"}, {"text": "ab"}, {"text": "aa"}),
    ),
    "collation": made(
        Collate("text", "C"), *("a", "b", {"text": "a"}, {"text": "b"}, {"text": "A"})
    ),
    "case": made(
        Case(When(number__lt=0, then=Value("low")), When(flag=True, then=Value("high"))),
        *("low", "high"),
        {"number": -1, "flag": True},
        {"number": None, "flag": True},
        {"number": 1, "flag": None},
    ),
    "annotated": rows(
        lambda length: S.annotate(length=Length("text")).filter(length=length),
        *(1, 2, {"text": "a"}, {"text": "bb"}, {"text": ""}),
    ),
    # of one's own
    "custom lookup": find("short__backwards", ("ab", "ba"), ("cd", "dc"), "cd"),
    "custom transform": find("short__loud", ("a", "A"), ("B", "b"), "c"),
    "abs": find("number__abs", (1, -1), (2, 2), 3),
}


@pytest.fixture(autouse=True)
def lookups_of_one_s_own():
    with (
        register_lookup(CharField, Backwards),
        register_lookup(CharField, Loud),
        register_lookup(IntegerField, Abs),
    ):
        yield


@pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
async def test_a_condition_of_this_kind(database, kind):
    await kind.told()
