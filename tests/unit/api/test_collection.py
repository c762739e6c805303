"""How rows look to clients, and whose they are."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import AnonymousUser, User
from django.db.models import CharField, Q
from django.test import override_settings

from bookstore.models import Author, Book
from dddp.api import Collection
from dddp.changefeed.hidden import is_hidden
from dddp.exceptions import ConfigurationError
from zoo.models import Employee, Keyed, Named, Person, Specimen


def collection(model: Any, **attributes: Any) -> Collection:
    made = type("Made", (Collection,), {"model": model, **attributes})
    assert issubclass(made, Collection)
    return made()


def fields(model: Any, **attributes: Any) -> list[str]:
    return [field.attname for field in collection(model, **attributes).published_fields()]


class TestName:
    def test_of_the_model(self) -> None:
        assert collection(Book).name == "bookstore.book"

    def test_of_a_proxy(self) -> None:
        assert collection(Named).name == "zoo.named"

    def test_of_ones_own(self) -> None:
        assert collection(Book, name="stock").name == "stock"


class TestPublishedFields:
    def test_all_but_the_key(self) -> None:
        assert fields(Book) == ["title", "author_id", "pages", "price", "published"]

    def test_all_but_a_key_of_ones_own(self) -> None:
        assert fields(Keyed) == ["value"]

    def test_many_to_many_last(self) -> None:
        assert fields(Person) == ["name", "boss_id", "tags"]

    def test_those_of_parents_too(self) -> None:
        assert {"name", "boss_id", "salary", "tags"} <= set(fields(Employee))

    def test_all_but_secrets(self) -> None:
        published = fields(Specimen)
        assert "password" not in published
        assert {"text", "token_id"} <= set(published)
        assert "password" not in fields(User)

    def test_secrets_that_are_asked_for(self) -> None:
        assert fields(Specimen, fields=["password"]) == ["password"]

    @pytest.mark.parametrize("name", ["author", "author_id"])
    def test_some(self, name: str) -> None:
        assert fields(Book, fields=["title", name]) == ["title", "author_id"]

    @pytest.mark.parametrize("name", ["author", "author_id"])
    def test_without_some(self, name: str) -> None:
        assert fields(Book, exclude=["title", "price", name]) == ["pages", "published"]

    def test_exclusion_wins(self) -> None:
        assert fields(Book, fields=["title", "pages"], exclude=["title"]) == ["pages"]

    def test_none(self) -> None:
        assert fields(Book, fields=[]) == []

    @pytest.mark.parametrize("attribute", ["fields", "exclude"])
    def test_unknown_names(self, attribute: str) -> None:
        with pytest.raises(ConfigurationError, match=r"'titel', which bookstore\.Book does not"):
            fields(Book, **{attribute: ["titel"]})


def named(name: str, column: str | None = None) -> CharField[Any, Any]:
    field: CharField[Any, Any] = CharField(max_length=9, db_column=column)
    field.set_attributes_from_name(name)
    return field


class TestIsHidden:
    @pytest.mark.parametrize(
        "name",
        [
            "password",
            "PASSWORD",
            "user_password",
            "password_hash",
            "secret",
            "client_secret",
            "api_key",
            "token",
            "reset_token",
        ],
    )
    def test_secrets(self, name: str) -> None:
        assert is_hidden(named(name))

    @pytest.mark.parametrize("name", ["title", "token_id", "tokens", "key"])
    def test_others(self, name: str) -> None:
        assert not is_hidden(named(name))

    def test_the_name_of_the_field_or_of_the_column(self) -> None:
        assert is_hidden(named("password", "pw"))
        assert is_hidden(named("pw", "password"))

    def test_patterns_are_a_setting(self) -> None:
        with override_settings(DDP_HIDDEN_COLUMNS=["pin*", "*_pin"]):
            assert is_hidden(named("pin_code"))
            assert is_hidden(named("card_pin"))
            assert not is_hidden(named("password"))


def user(pk: int = 7, **attributes: Any) -> User:
    return User(pk=pk, **attributes)


def sql(queryset: Any) -> str:
    return str(queryset.query)


class TestRestrict:
    def test_nothing_to_restrict(self) -> None:
        books = Book.objects.all()
        assert collection(Book).restrict(books, None) is books

    @pytest.mark.parametrize("given", [Q(pages__gt=10), {"pages__gt": 10}])
    def test_filter(self, given: Any) -> None:
        found = collection(Book, qs_filter=given).restrict(Book.objects.all(), None)
        assert sql(found) == sql(Book.objects.filter(pages__gt=10))

    def test_rows_of_a_user(self) -> None:
        found = collection(LogEntry, user_rel="user").restrict(LogEntry.objects.all(), user())
        assert sql(found) == sql(LogEntry.objects.filter(user=7))

    def test_rows_of_nobody(self) -> None:
        entries = LogEntry.objects.all()
        found = collection(LogEntry, user_rel="user").restrict(entries, AnonymousUser())
        assert found.query.is_empty()

    def test_superusers_see_all(self) -> None:
        entries = LogEntry.objects.all()
        root = user(is_superuser=True)
        assert collection(LogEntry, user_rel="user").restrict(entries, root) is entries

    def test_superusers_do_not(self) -> None:
        own = collection(LogEntry, user_rel="user", always_allow_superusers=False)
        found = own.restrict(LogEntry.objects.all(), user(is_superuser=True))
        assert sql(found) == sql(LogEntry.objects.filter(user=7))

    def test_paths_over_other_tables_repeat_no_rows(self) -> None:
        made = collection(Author, user_rel=["books__pages", "pk"])
        found = made.restrict(Author.objects.all(), Number(7))
        assert " IN (SELECT " in sql(found)

    def test_filter_and_user(self) -> None:
        made = collection(LogEntry, user_rel="user", qs_filter={"action_flag": 1})
        found = made.restrict(LogEntry.objects.all(), user())
        assert sql(found) == sql(LogEntry.objects.filter(action_flag=1).filter(user=7))


class Number(int):
    """Stands for a user in a lookup of numbers."""

    is_superuser = False
    is_authenticated = True
