"""From the parameters of a subscription to querysets."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from bookstore.models import Author, Book
from dddp.api import Publication
from dddp.exceptions import ConfigurationError, MeteorError

BOOKS = Book.objects.all()
AUTHORS = Author.objects.all()


class Fixed(Publication):
    queries = [BOOKS, (AUTHORS, "writers")]


class Asked(Publication):
    name = "asked"

    def get_queries(self, first: Any, second: Any = None) -> Any:
        return [(first, second)]


def giving(value: Any) -> Publication:
    class Giving(Publication):
        def get_queries(self) -> Any:
            return value

    return Giving()


class TestName:
    def test_of_the_class(self) -> None:
        assert Fixed.name == "Fixed"

    def test_of_ones_own(self) -> None:
        assert Asked.name == "asked"

    def test_is_not_inherited(self) -> None:
        class More(Asked):
            pass

        assert More.name == "More"


class TestParameters:
    def test_none(self) -> None:
        assert Fixed().queries_for([]) == [BOOKS, (AUTHORS, "writers")]

    @pytest.mark.parametrize(
        ("params", "given"),
        [(["a"], ("a", None)), (["a", "b"], ("a", "b")), ([None], (None, None))],
    )
    def test_passed_on(self, params: list[Any], given: Any) -> None:
        assert Asked().queries_for(params) == [given]

    @pytest.mark.parametrize(
        ("publication", "params"), [(Fixed, [1]), (Asked, []), (Asked, [1, 2, 3])]
    )
    def test_too_few_or_too_many(self, publication: type[Publication], params: list[Any]) -> None:
        with pytest.raises(MeteorError) as caught:
            publication().queries_for(params)
        assert (caught.value.error, caught.value.reason) == (400, "Match failed")

    def test_of_a_wrong_type(self) -> None:
        class Typed(Publication):
            def get_queries(self, number: int) -> Any:
                return [BOOKS]

        assert Typed().queries_for([5]) == [BOOKS]
        with pytest.raises(MeteorError) as caught:
            Typed().queries_for(["5"])
        assert caught.value.details == {
            "path": "params[0]",
            "reason": "Expected `int`, got `str`",
        }

    def test_errors_inside_are_not_the_clients(self) -> None:
        class Wrong(Publication):
            def get_queries(self, name: Any) -> Any:
                return len(name)

        with pytest.raises(TypeError):
            Wrong().queries_for([5])


class TestWhatIsGiven:
    @pytest.mark.parametrize(
        ("value", "queries"),
        [
            ([BOOKS], [BOOKS]),
            ((BOOKS, AUTHORS), [BOOKS, AUTHORS]),
            ((BOOKS, "stock"), [(BOOKS, "stock")]),
            ([(BOOKS, "stock"), AUTHORS], [(BOOKS, "stock"), AUTHORS]),
            ([], []),
            (None, []),
        ],
    )
    def test_several(self, value: Any, queries: list[Any]) -> None:
        assert giving(value).queries_for([]) == queries

    def test_one_queryset_is_not_run(self) -> None:
        (given,) = giving(BOOKS).queries_for([])
        assert given is BOOKS

    def test_a_generator(self) -> None:
        class Yielding(Publication):
            def get_queries(self) -> Iterator[Any]:
                yield BOOKS
                yield AUTHORS

        assert Yielding().queries_for([]) == [BOOKS, AUTHORS]

    def test_one_queryset_as_queries(self) -> None:
        class One(Publication):
            queries = BOOKS

        assert One().queries_for([]) == One().static_queries() == [BOOKS]

    def test_static_ones(self) -> None:
        assert Fixed().static_queries() == [BOOKS, (AUTHORS, "writers")]
        assert Asked().static_queries() == []

    def test_nothing_at_all(self) -> None:
        class Nothing(Publication):
            pass

        with pytest.raises(ConfigurationError, match="needs `queries` or a `get_queries` method"):
            Nothing().queries_for([])
