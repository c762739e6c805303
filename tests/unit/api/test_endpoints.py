"""Which functions clients may call, and by what name."""

from __future__ import annotations

from bookstore.models import Book
from dddp.api import APIMixin, Collection, Publication, api_endpoint


def names(provider: type[APIMixin]) -> list[str]:
    return [name for name, _ in provider().api_endpoints()]


class Plain(APIMixin):
    @api_endpoint
    def bare(self) -> str:
        return "bare"

    @api_endpoint()
    def called(self) -> str:
        return "called"

    @api_endpoint("some/path")
    def with_path(self) -> str:
        return "path"

    def private(self) -> None:
        pass


class TestNames:
    def test_follow_a_slash(self) -> None:
        assert names(Plain) == ["/bare", "/called", "/some/path"]

    def test_prefix_of_ones_own(self) -> None:
        class Prefixed(Plain):
            api_path_prefix = "shop."

        assert names(Prefixed) == ["shop.bare", "shop.called", "shop.some/path"]

    def test_no_prefix(self) -> None:
        class Bare(APIMixin):
            api_path_prefix = ""

            @api_endpoint
            def login(self) -> None:
                pass

        assert names(Bare) == ["login"]

    def test_of_other_providers_have_prefixes_of_their_own(self) -> None:
        class Whole(APIMixin):
            api_path_prefix = "whole/"
            api_providers = [Plain, Plain()]

            @api_endpoint
            def own(self) -> None:
                pass

        of_plain = ["/bare", "/called", "/some/path"]
        assert names(Whole) == ["whole/own", *of_plain, *of_plain]

    def test_of_collections_follow_the_collection(self) -> None:
        class Books(Collection):
            model = Book

            @api_endpoint
            def insert(self) -> None:
                pass

        class Named(Books):
            name = "stock"

        assert names(Books) == ["/bookstore.book/insert"]
        assert names(Named) == ["/stock/insert"]

    def test_of_publications(self) -> None:
        class AllBooks(Publication):
            @api_endpoint
            def count(self) -> None:
                pass

        assert names(AllBooks) == ["/count"]


class TestFunctions:
    def test_are_bound_and_unchanged(self) -> None:
        functions = dict(Plain().api_endpoints())
        assert [function() for function in functions.values()] == ["bare", "called", "path"]
        assert Plain().bare() == "bare"

    def test_are_inherited_and_may_be_withdrawn(self) -> None:
        class Fewer(Plain):
            def bare(self) -> str:
                return "hidden"

        assert names(Fewer) == ["/called", "/some/path"]

    def test_of_classes(self) -> None:
        class Static(APIMixin):
            @staticmethod
            @api_endpoint
            def double(number: int) -> int:
                return 2 * number

        ((name, function),) = Static().api_endpoints()
        assert (name, function(4)) == ("/double", 8)

    def test_an_attribute_of_that_name_is_none(self) -> None:
        class Odd(APIMixin):
            class model:
                api_path = 5

        assert names(Odd) == []
