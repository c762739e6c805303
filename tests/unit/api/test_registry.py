"""What a project offers, by name."""

from __future__ import annotations

from typing import Any

import pytest

from bookstore.models import Author, Book
from dddp.api import APIMixin, Collection, Publication, api_endpoint
from dddp.api.registry import Registry
from dddp.exceptions import ConfigurationError
from zoo.models import Person


class Books(Collection):
    model = Book


class Authors(Collection):
    model = Author
    name = "writers"


class AllBooks(Publication):
    pass


class Shop(APIMixin):
    @api_endpoint
    def sell(self) -> str:
        return "sold"


@pytest.fixture
def registry() -> Registry:
    return Registry()


class TestRegister:
    def test_one(self, registry: Registry) -> None:
        registry.register(Books)
        assert isinstance(registry.collection("bookstore.book"), Books)

    @pytest.mark.parametrize("several", [list, tuple, iter])
    def test_several(self, registry: Registry, several: Any) -> None:
        registry.register(several([Books, Authors, AllBooks, Shop]))
        assert [type(each) for each in registry.collections()] == [Books, Authors]
        assert [type(each) for each in registry.publications()] == [AllBooks]
        assert registry.collection("writers") is registry.collections()[1]
        assert registry.publication("AllBooks") is registry.publications()[0]

    def test_by_name_only(self, registry: Registry) -> None:
        class Elsewhere(Collection):
            model = Book
            name = "elsewhere"
            by_name_only = True

        registry.register([Elsewhere])
        assert registry.collection_for(Book) is None
        registry.register([Books])
        assert isinstance(registry.collection_for(Book), Books)
        assert isinstance(registry.collection("elsewhere"), Elsewhere)

    def test_methods_are_bound(self, registry: Registry) -> None:
        registry.register(Shop)
        sell = registry.find_method("/sell")
        assert sell is not None
        assert sell.bound([])() == "sold"

    def test_again(self, registry: Registry) -> None:
        for _ in range(2):
            registry.register([Books, AllBooks, Shop])
        assert len(registry.collections()) == len(registry.publications()) == 1

    @pytest.mark.parametrize("value", [Book, object, int])
    def test_other_classes(self, registry: Registry, value: Any) -> None:
        with pytest.raises(ConfigurationError, match="takes Collection, Publication and APIMixin"):
            registry.register(value)

    @pytest.mark.parametrize("value", [Books(), "Books"])
    def test_what_is_no_class(self, registry: Registry, value: Any) -> None:
        with pytest.raises(ConfigurationError, match="takes Collection, Publication and APIMixin"):
            registry.register([value])

    def test_a_collection_needs_a_model(self, registry: Registry) -> None:
        class Nothing(Collection):
            pass

        with pytest.raises(ConfigurationError, match="Nothing needs a `model`"):
            registry.register(Nothing)


class TestMethod:
    def test_a_function_by_name(self, registry: Registry) -> None:
        @registry.method("tasks.add")
        def add(first: int, second: int = 1) -> int:
            return first + second

        found = registry.find_method("tasks.add")
        assert found is not None
        assert found.bound([2])() == add(2) == 3
        assert registry.methods() == ["tasks.add"]

    def test_needs_a_name(self, registry: Registry) -> None:
        with pytest.raises(ConfigurationError, match=r'need a name, as in @API\.method\("'):
            registry.method(print)

    def test_names_taken(self, registry: Registry) -> None:
        registry.register(Shop)
        with pytest.raises(ConfigurationError, match="Two methods are named '/sell'"):
            registry.method("/sell")(lambda: None)

    def test_transactions_are_the_default(self, registry: Registry) -> None:
        registry.method("with")(lambda: None)
        registry.method("without", transaction=False)(print)
        found = [registry.find_method(name) for name in ("with", "without")]
        assert [each and each.transaction for each in found] == [True, False]


class TestUnknownNames:
    def test_are_none(self, registry: Registry) -> None:
        registry.register([Books, AllBooks, Shop])
        assert registry.collection("nope") is None
        assert registry.publication("nope") is None
        assert registry.find_method("sell") is None
        assert registry.collection_for(Person) is None


class TestNamesTakenTwice:
    def test_collections(self, registry: Registry) -> None:
        class Writers(Collection):
            model = Person
            name = "writers"

        registry.register(Authors)
        with pytest.raises(ConfigurationError, match="Two collections are named 'writers'"):
            registry.register(Writers)

    def test_publications(self, registry: Registry) -> None:
        class Everything(Publication):
            name = "AllBooks"

        registry.register(AllBooks)
        with pytest.raises(ConfigurationError, match=r"AllBooks.*Everything\. Rename one\."):
            registry.register(Everything)

    def test_methods(self, registry: Registry) -> None:
        class Other(APIMixin):
            @api_endpoint("sell")
            def trade(self) -> None:
                pass

        registry.register(Shop)
        with pytest.raises(ConfigurationError, match="Two methods are named '/sell'"):
            registry.register(Other)

    def test_kinds_do_not_disturb_each_other(self, registry: Registry) -> None:
        class Writers(Publication):
            name = "writers"

        registry.register([Authors, Writers])
        assert isinstance(registry.publication("writers"), Writers)


def test_the_first_collection_of_a_model_is_its_own(registry: Registry) -> None:
    class More(Collection):
        model = Book
        name = "more"

    registry.register([Books, More])
    assert registry.collection_for(Book) is registry.collection("bookstore.book")
