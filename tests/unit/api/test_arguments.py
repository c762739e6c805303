"""What clients may pass to a function, by its type hints."""

from __future__ import annotations

import datetime as dt
import decimal
import enum
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Annotated, Any, Literal, NamedTuple, TypedDict

import msgspec
import pytest

from dddp.api.arguments import Arguments
from dddp.ejson import ObjectID
from dddp.exceptions import ConfigurationError, MeteorError

if TYPE_CHECKING:
    from nowhere import Missing

NOON = dt.datetime(2024, 1, 1, 12, tzinfo=dt.UTC)


class Colour(enum.Enum):
    RED = "red"


class Point(NamedTuple):
    x: int
    y: int


class Size(TypedDict):
    width: int


@dataclass
class Task:
    title: str
    due: dt.datetime | None = None
    tags: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        if not self.title:
            raise ValueError("A task needs a title.")


class Opaque:
    pass


def taking(hint: Any) -> Callable[[Any], Any]:
    def function(value: Any) -> Any:
        return value

    function.__annotations__ = {"value": hint}
    return function


@pytest.mark.parametrize(
    ("hint", "given", "got"),
    [
        (int, 5, 5),
        (float, 5, 5.0),
        (bool, False, False),
        (str, "", ""),
        (int | None, None, None),
        (str | None, "a", "a"),
        (list[int], [1, 2], [1, 2]),
        (set[str], ["a"], {"a"}),
        (tuple[int, str], [1, "a"], (1, "a")),
        (dict[str, int], {"a": 1}, {"a": 1}),
        (dict[int, str], {"1": "a"}, {1: "a"}),
        (dt.datetime, NOON, NOON),
        (dt.datetime | None, None, None),
        (list[dt.datetime], [NOON], [NOON]),
        (dt.date, "2024-01-01", dt.date(2024, 1, 1)),
        (dt.time, "12:00:00", dt.time(12)),
        (dt.timedelta, "P1DT2H", dt.timedelta(days=1, hours=2)),
        (decimal.Decimal, "1.50", decimal.Decimal("1.50")),
        (uuid.UUID, "12345678-1234-5678-1234-567812345678", uuid.UUID(int=0x12345678 << 96)),
        (bytes, b"\x00", b"\x00"),
        (ObjectID, ObjectID("a" * 24), ObjectID("a" * 24)),
        (Colour, "red", Colour.RED),
        (Literal["a", "b"], "b", "b"),
        (Point, [1, 2], Point(1, 2)),
        (Size, {"width": 1}, {"width": 1}),
        (Task, {"title": "x"}, Task("x")),
        (Task, {"title": "x", "due": NOON, "more": 1}, Task("x", NOON)),
        (Annotated[int, msgspec.Meta(ge=1)], 1, 1),
        (Any, {"$odd": 1}, {"$odd": 1}),
        ("int", 5, 5),
    ],
)
def test_conversions(hint: Any, given: Any, got: Any) -> None:
    if hint is uuid.UUID:
        got = uuid.UUID(given)
    (found,) = Arguments(taking(hint)).of([given])
    assert (found, type(found)) == (got, type(got))


@pytest.mark.parametrize(
    ("hint", "given", "path", "reason"),
    [
        (int, "5", "params[0]", "Expected `int`, got `str`"),
        (int, True, "params[0]", "Expected `int`, got `bool`"),
        (int, 1.5, "params[0]", "Expected `int`, got `float`"),
        (int, None, "params[0]", "Expected `int`, got `null`"),
        (bool, 1, "params[0]", "Expected `bool`, got `int`"),
        (str, {"$ne": None}, "params[0]", "Expected `str`, got `object`"),
        (list[int], [1, "a"], "params[0][1]", "Expected `int`, got `str`"),
        (Task, {}, "params[0]", "Object missing required field `title`"),
        (Task, {"title": "x", "tags": ["a", 5]}, "params[0].tags[1]", "Expected `str`, got `int`"),
        (Task, {"title": ""}, "params[0]", "A task needs a title."),
        (dt.datetime, "2024-01-01T12:00:00Z", "params[0]", "Expected `datetime`, got `str`"),
        (dt.date, NOON, "params[0]", "Expected `date`, got `datetime`"),
        (bytes, "AA==", "params[0]", "Expected `bytes`, got `str`"),
        (uuid.UUID, "x", "params[0]", "Invalid UUID"),
        (decimal.Decimal, "x", "params[0]", "Invalid decimal string"),
        (dt.timedelta, "P9999999999D", "params[0]", "Duration is out of range"),
        (Colour, "blue", "params[0]", "Invalid enum value 'blue'"),
        (ObjectID, "a" * 24, "params[0]", "Expected `object`, got `str`"),
        (Annotated[int, msgspec.Meta(ge=1)], 0, "params[0]", "Expected `int` >= 1"),
    ],
)
def test_wrong_types(hint: Any, given: Any, path: str, reason: str) -> None:
    with pytest.raises(MeteorError) as caught:
        Arguments(taking(hint)).of([given])
    assert (caught.value.error, caught.value.reason) == (400, "Match failed")
    assert caught.value.details == {"path": path, "reason": reason}


def test_what_cannot_be_in_a_set() -> None:
    """The words, and whether they name the member, are those of the installed msgspec."""
    with pytest.raises(MeteorError) as caught:
        Arguments(taking(set[Any])).of([[[]]])
    assert (caught.value.error, caught.value.reason) == (400, "Match failed")
    assert isinstance(caught.value.details, dict)
    assert caught.value.details["path"].startswith("params[0]")
    assert "hashable" in caught.value.details["reason"]


class TestNumber:
    @staticmethod
    def function(first: int, /, second: str = "b", *rest: float) -> None:
        pass

    @pytest.mark.parametrize("given", [[1], [1, "x"], [1, "x", 2.5], [1, "x", 2, 3]])
    def test_that_is_taken(self, given: list[Any]) -> None:
        assert Arguments(self.function).of(given) == given

    def test_none_is_too_few(self) -> None:
        with pytest.raises(MeteorError) as caught:
            Arguments(self.function).of([])
        assert caught.value.as_wire() == MeteorError(400, "Match failed").as_wire()

    def test_the_rest_is_checked_too(self) -> None:
        with pytest.raises(MeteorError) as caught:
            Arguments(self.function).of([1, "x", 2, "y"])
        assert caught.value.details["path"] == "params[3]"

    def test_of_bound_functions(self) -> None:
        class Provider:
            def add(self, number: int) -> None:
                pass

        arguments = Arguments(Provider().add)
        assert arguments.of([1]) == [1]
        with pytest.raises(MeteorError) as caught:
            arguments.of(["1"])
        assert caught.value.details["path"] == "params[0]"


class TestWithoutHints:
    @pytest.mark.parametrize("value", [None, "", 0, [], {"a": NOON}, float("nan"), Opaque()])
    def test_values_stay_as_they_are(self, value: Any) -> None:
        (found,) = Arguments(lambda value: None).of([value])
        assert found is value

    def test_of_what_is_called_like_a_function(self) -> None:
        class Callable:
            def __call__(self, value: int) -> None:
                pass

        assert Arguments(Callable()).of(["x"]) == ["x"]


class TestProblems:
    def test_none(self) -> None:
        assert list(Arguments(TestNumber.function).problems()) == []

    def test_a_name_that_is_not_there(self) -> None:
        def function(value: Missing) -> None:
            pass

        (problem,) = Arguments(function).problems()
        assert "hints cannot be resolved: NameError" in problem
        with pytest.raises(ConfigurationError):
            Arguments(function).of([1])

    def test_a_hint_that_nothing_can_be_checked_by(self) -> None:
        (problem,) = Arguments(taking(str | dt.datetime)).problems()
        assert problem.startswith("Nothing can be checked by the type hint of 'value': ")

    def test_keywords_that_are_needed(self) -> None:
        def function(*, needed: int, other: int = 1) -> None:
            pass

        assert list(Arguments(function).problems()) == [
            "Clients pass no keywords, so 'needed' needs a default."
        ]
