"""EJSON, both ways (DDP 1, "Appendix: EJSON"; where it is silent, Meteor 3's ejson package)."""

from __future__ import annotations

import contextlib
import datetime as dt
import enum
import json
import math
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from types import MappingProxyType
from typing import Any

import pytest
from django.utils.functional import lazystr
from hypothesis import given
from hypothesis import strategies as st

from dddp import ejson
from dddp.ejson import ObjectID, RegExp

UTC = dt.UTC
NOON = dt.datetime(2024, 1, 2, 12, 0, 0, 345678, tzinfo=UTC)
NOON_MS = 1704196800345
INDIA = dt.timezone(dt.timedelta(hours=5, minutes=30))

text = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
keys = text | st.sampled_from(
    ["$date", "$binary", "$InfNaN", "$escape", "$regexp", "$flags", "$type", "$value", "$x"]
)
moments = st.datetimes(timezones=st.just(UTC)).map(
    lambda moment: moment.replace(microsecond=moment.microsecond // 1000 * 1000)
)
plain_leaves = st.none() | st.booleans() | st.integers() | text | st.floats(allow_nan=False)
leaves = plain_leaves | moments | st.binary(max_size=8) | st.builds(RegExp, text)


def trees(of: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.recursive(
        of,
        lambda inner: st.lists(inner, max_size=4) | st.dictionaries(keys, inner, max_size=3),
        max_leaves=20,
    )


class Color(enum.Enum):
    RED = "r"


class Level(enum.IntEnum):
    HIGH = 3


class Label(enum.StrEnum):
    NEW = "new"


class Text(str):
    __slots__ = ()

    def __str__(self) -> str:
        return "another"


class Number(int):
    pass


class Moment(dt.datetime):
    pass


class Pairs(list[Any]):
    pass


@dataclass(frozen=True)
class Money:
    cents: int


@pytest.fixture
def money(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(ejson, "_TYPES", dict(ejson._TYPES))
    encoders = dict(ejson._ENCODERS)
    ejson.add_type(
        "money", Money, lambda value: {"cents": value.cents}, lambda v: Money(v["cents"])
    )
    yield
    ejson._ENCODERS.clear()
    ejson._ENCODERS.update(encoders)


PAIRS: list[tuple[Any, Any]] = [
    (None, None),
    (True, True),
    (0, 0),
    (2**80, 2**80),
    (1.5, 1.5),
    ("", ""),
    ("é😀", "é😀"),
    ([], []),
    ({}, {}),
    (NOON, {"$date": NOON_MS}),
    (dt.datetime(1969, 12, 31, 23, 59, 59, 999000, tzinfo=UTC), {"$date": -1}),
    (b"\x00\xff", {"$binary": "AP8="}),
    (b"", {"$binary": ""}),
    (math.inf, {"$InfNaN": 1}),
    (-math.inf, {"$InfNaN": -1}),
    (RegExp("^a", "gi"), {"$regexp": "^a", "$flags": "gi"}),
    (ObjectID("0123456789abcdef01234567"), {"$type": "oid", "$value": "0123456789abcdef01234567"}),
    ({"$date": 1}, {"$escape": {"$date": 1}}),
    ({"$date": NOON}, {"$escape": {"$date": {"$date": NOON_MS}}}),
    ({"$escape": {"$date": 1}}, {"$escape": {"$escape": {"$escape": {"$date": 1}}}}),
    ({"$type": "a", "$value": 1}, {"$escape": {"$type": "a", "$value": 1}}),
    ({"$flags": "g", "$regexp": "a"}, {"$escape": {"$flags": "g", "$regexp": "a"}}),
    ({"$date": 1, "b": 2}, {"$date": 1, "b": 2}),
    ({"$foo": 1}, {"$foo": 1}),
    ({"$regexp": 1}, {"$regexp": 1}),
    ([{"a": NOON}], [{"a": {"$date": NOON_MS}}]),
]


class TestBothWays:
    @pytest.mark.parametrize(("value", "tree"), PAIRS)
    def test_encoded(self, value: Any, tree: Any) -> None:
        assert ejson.to_json(value) == tree
        assert json.loads(ejson.dumps(value)) == tree

    @pytest.mark.parametrize(("value", "tree"), PAIRS)
    def test_decoded(self, value: Any, tree: Any) -> None:
        decoded = ejson.from_json(tree)
        if isinstance(value, dt.datetime):
            value = value.replace(microsecond=value.microsecond // 1000 * 1000)
        if not isinstance(value, list | dict):
            assert decoded == value
            assert type(decoded) is type(value)
        assert ejson.equals(decoded, value)

    def test_not_a_number(self) -> None:
        assert ejson.dumps(math.nan) == b'{"$InfNaN":0}'
        assert math.isnan(ejson.loads('{"$InfNaN":0}'))

    @given(trees(leaves))
    def test_any_value_comes_back(self, value: Any) -> None:
        assert ejson.loads(ejson.dumps(value)) == value
        assert ejson.clone(value) == value
        assert ejson.equals(ejson.clone(value), value)


class TestEncoding:
    @pytest.mark.parametrize(
        ("value", "tree"),
        [
            (dt.datetime(2024, 1, 2, 12), {"$date": 1704196800000}),
            (dt.datetime(2024, 1, 2, 17, 30, tzinfo=INDIA), {"$date": 1704196800000}),
            (Moment(2024, 1, 2, 12), {"$date": 1704196800000}),
            (dt.date(2024, 1, 2), "2024-01-02"),
            (dt.time(1, 2, 3), "01:02:03"),
            (dt.timedelta(days=1, seconds=3723, microseconds=5), "P1DT01H02M03.000005S"),
            (dt.timedelta(hours=-2), "-P0DT02H00M00S"),
            (Decimal("1.10"), "1.10"),
            (Decimal("1E+3"), "1000"),
            (uuid.UUID(int=1), "00000000-0000-0000-0000-000000000001"),
            ((1, [2]), [1, [2]]),
            ({3}, [3]),
            (frozenset("a"), ["a"]),
            ({"k": 1}.keys(), ["k"]),
            (MappingProxyType({"a": NOON}), {"a": {"$date": NOON_MS}}),
            (bytearray(b"a"), {"$binary": "YQ=="}),
            (memoryview(b"a"), {"$binary": "YQ=="}),
            (Color.RED, "r"),
            (Level.HIGH, 3),
            (Label.NEW, "new"),
            (Text("a"), "a"),
            (Number(3), 3),
            (Pairs([1]), [1]),
            (lazystr("lazy"), "lazy"),
            ({Text("key"): 1}, {"key": 1}),
        ],
    )
    def test_of_what_python_and_django_have(self, value: Any, tree: Any) -> None:
        assert ejson.to_json(value) == tree
        assert json.loads(ejson.dumps(value)) == tree

    @pytest.mark.parametrize("value", [object(), 1j, {1: 2}, {None: 1}, Money(1), [object()]])
    def test_what_has_no_form(self, value: Any) -> None:
        with pytest.raises(TypeError):
            ejson.dumps(value)


class TestDecoding:
    @pytest.mark.parametrize(
        "data", ["", "{", "nope", b"\xff", '"\\ud800"', "[" * 100_000, "1e999"]
    )
    def test_what_is_no_json(self, data: str | bytes) -> None:
        with pytest.raises(ValueError):  # noqa: PT011, whichever
            ejson.loads(data)

    @pytest.mark.parametrize(
        "tree",
        [
            {"$type": "unknown", "$value": 1},
            {"$type": [], "$value": 1},
            {"$type": "oid", "$value": "short"},
            {"$type": "oid", "$value": 7},
            {"$binary": "not base64!"},
            {"$binary": 5},
            {"$binary": None},
        ],
    )
    def test_what_stands_for_nothing(self, tree: Any) -> None:
        with pytest.raises(ValueError):  # noqa: PT011, whichever
            ejson.from_json([{"a": tree}])

    @pytest.mark.parametrize("value", ["x", None, [], {}, 1e300, 10**400])
    def test_dates_that_are_none(self, value: Any) -> None:
        assert ejson.from_json({"$date": value}) is None

    def test_fractions_of_milliseconds(self) -> None:
        assert ejson.from_json({"$date": 0.5}) == dt.datetime(1970, 1, 1, 0, 0, 0, 500, tzinfo=UTC)

    @pytest.mark.parametrize(
        ("given_", "kept"), [("gxgi!", "gi"), ("", ""), ("u" * 60, "u"), (5, "")]
    )
    def test_flags_javascript_knows_once_each(self, given_: Any, kept: str) -> None:
        assert ejson.from_json({"$regexp": "a", "$flags": given_}) == RegExp("a", kept)

    def test_only_the_first_fifty_flags_count(self) -> None:
        assert ejson.from_json({"$regexp": "a", "$flags": "x" * 50 + "g"}) == RegExp("a", "")

    @pytest.mark.parametrize(
        ("value", "number"),
        [(7, math.inf), (-0.5, -math.inf), (True, math.inf), (10**400, math.inf)],
    )
    def test_infinities_by_their_sign(self, value: Any, number: float) -> None:
        assert ejson.from_json({"$InfNaN": value}) == number

    @pytest.mark.parametrize("value", ["x", None, [], False])
    def test_infinities_of_nothing(self, value: Any) -> None:
        assert math.isnan(ejson.from_json({"$InfNaN": value}))

    def test_binary_without_padding(self) -> None:
        assert ejson.from_json({"$binary": "YQ"}) == b"a"

    def test_object_ids_are_lower_case(self) -> None:
        tree = {"$type": "oid", "$value": "ABCDEF0123456789abcdef01"}
        assert ejson.from_json(tree) == ObjectID("abcdef0123456789abcdef01")

    def test_escape_holds_for_one_level(self) -> None:
        tree = {"$escape": {"$date": {"$date": 0}}}
        assert ejson.from_json(tree) == {"$date": dt.datetime(1970, 1, 1, tzinfo=UTC)}

    def test_escape_of_what_is_no_object(self) -> None:
        assert ejson.from_json({"$escape": 3}) == 3

    @given(trees(plain_leaves))
    def test_any_json_is_a_value_or_a_value_error(self, tree: Any) -> None:
        with contextlib.suppress(ValueError):
            ejson.from_json(tree)


@pytest.mark.usefixtures("money")
class TestCustomTypes:
    def test_both_ways(self) -> None:
        assert ejson.dumps([Money(5)]) == b'[{"$type":"money","$value":{"cents":5}}]'
        assert ejson.loads(ejson.dumps([Money(5)])) == [Money(5)]

    def test_errors_of_the_decoder_are_value_errors(self) -> None:
        with pytest.raises(ValueError, match="money"):
            ejson.loads('{"$type":"money","$value":{}}')

    def test_a_name_belongs_to_one_class(self) -> None:
        with pytest.raises(ValueError, match="taken by Money"):
            ejson.add_type("money", Color, str, str)

    def test_a_class_may_be_added_again(self) -> None:
        ejson.add_type("money", Money, lambda value: value.cents, Money)
        assert ejson.dumps(Money(5)) == b'{"$type":"money","$value":5}'


class TestEquality:
    @pytest.mark.parametrize(
        ("left", "right"),
        [
            (1, 1.0),
            (1e300, int(1e300)),
            (math.nan, math.nan),
            ([1, 2], (1, 2)),
            ({"a": 1, "b": 2}, {"b": 2, "a": 1}),
            (NOON, NOON.astimezone(INDIA)),
            ([{"a": {"b": 1, "c": 2}}], [{"a": {"c": 2, "b": 1.0}}]),
        ],
    )
    def test_equal(self, left: Any, right: Any) -> None:
        assert ejson.equals(left, right)
        assert ejson.equals(right, left)

    @pytest.mark.parametrize(
        ("left", "right"),
        [
            (1, True),
            (0, None),
            ("", None),
            ("1", 1),
            ([], {}),
            ([1], [1, 2]),
            ([1], [True]),
            ({"a": 1}, {"b": 1}),
            ({"a": 1}, {"a": 1, "b": 1}),
            ({"a": [1]}, {"a": [2]}),
            ({"$date": 0}, dt.datetime(1970, 1, 1, tzinfo=UTC)),
            (math.inf, -math.inf),
        ],
    )
    def test_different(self, left: Any, right: Any) -> None:
        assert not ejson.equals(left, right)
        assert not ejson.equals(right, left)


class TestPlainJSON:
    @pytest.mark.parametrize(
        ("value", "tree"),
        [
            ({"a": [1, None]}, {"a": [1, None]}),
            (NOON, "2024-01-02T12:00:00.345Z"),
            (dt.datetime(2024, 1, 2, 17, 30, tzinfo=INDIA), "2024-01-02T12:00:00.000Z"),
            (dt.datetime(2024, 1, 2), "2024-01-02T00:00:00.000Z"),
            (math.nan, None),
            ([math.inf], [None]),
            (b"a", "YQ=="),
            (RegExp("a", "g"), "a"),
            (ObjectID("a" * 24), "a" * 24),
            ({1: 2, None: 3}, {"1": 2, "None": 3}),
            ({"$date": 1}, {"$date": 1}),
            ({"$type": "x", "$value": 1}, {"$type": "x", "$value": 1}),
            ((1,), [1]),
            ({1}, [1]),
            (Color.RED, "r"),
            (Label.NEW, "new"),
            (Decimal("1.5"), "1.5"),
            (lazystr("lazy"), "lazy"),
            (Money(5), "Money(cents=5)"),
            ([1j], ["1j"]),
        ],
    )
    def test_without_the_forms_of_ejson(self, value: Any, tree: Any) -> None:
        assert json.loads(ejson.encode_plain(value)) == tree

    @given(trees(leaves))
    def test_never_fails(self, value: Any) -> None:
        json.loads(ejson.encode_plain(value))
