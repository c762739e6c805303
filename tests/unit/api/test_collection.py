"""How rows look to clients, and whose they are."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import AnonymousUser, User
from django.db.models import CharField, Count, Q
from django.test import override_settings

from bookstore.models import Book
from club.models import Message
from dddp.api import Collection
from dddp.changefeed.hidden import is_hidden
from dddp.exceptions import ConfigurationError, QueryNotLive
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

    def test_paths_over_other_tables(self) -> None:
        """Rows that a join repeats are one document."""
        made = collection(Message, user_rel=["author", "channel__members"])
        mine = Q(author=7) | Q(channel__members=7)
        found = made.restrict(Message.objects.all(), user())
        assert sql(found) == sql(Message.objects.filter(mine))

    @pytest.mark.parametrize(
        "queryset",
        [
            Message.objects.annotate(n=Count("channel__messages")),
            Message.objects.distinct(),
            Message.objects.order_by("text")[:3],
        ],
    )
    def test_paths_over_other_tables_repeat_no_rows(self, queryset: Any) -> None:
        made = collection(Message, user_rel=["author", "channel__members"])
        assert " IN (SELECT " in sql(made.restrict(queryset, user()))

    def test_users_see_themselves(self) -> None:
        found = collection(User, user_rel="pk").restrict(User.objects.all(), user())
        assert sql(found) == sql(User.objects.filter(pk=7))

    def test_of_a_slice_that_many(self) -> None:
        made = collection(Book, qs_filter={"pages__gt": 10})
        found = made.restrict(Book.objects.order_by("title")[2:5], None)
        wanted = Book._base_manager.filter(pages__gt=10).values("pk")
        assert sql(found) == sql(Book.objects.filter(pk__in=wanted).order_by("title")[2:5])

    def test_a_union_is_refused(self) -> None:
        made = collection(Book, qs_filter={"pages__gt": 10})
        with pytest.raises(QueryNotLive, match="publish the parts"):
            made.restrict(Book.objects.filter(pages=1).union(Book.objects.filter(pages=2)), None)

    def test_filter_and_user(self) -> None:
        made = collection(LogEntry, user_rel="user", qs_filter={"action_flag": 1})
        found = made.restrict(LogEntry.objects.all(), user())
        assert sql(found) == sql(LogEntry.objects.filter(action_flag=1).filter(user=7))


class TestGetQueryset:
    class Long(Collection):
        model = Book

        def get_queryset(self) -> Any:
            return super().get_queryset().filter(pages__gt=10).order_by("pages")

    class ByJane(Collection):
        model = Book
        name = "byjane"

        def get_queryset(self) -> Any:
            return Book.objects.filter(author__name="Jane")

    def test_a_condition_on_the_row_stays_one(self) -> None:
        found = self.Long().restrict(Book.objects.filter(title="x").order_by("price"), None)
        assert sql(found) == sql(
            Book.objects.filter(title="x").filter(pages__gt=10).order_by("price")
        )

    def test_joins_repeat_no_rows(self) -> None:
        found = self.ByJane().restrict(Book.objects.all(), None)
        assert " IN (SELECT " in sql(found)

    def test_with_a_filter(self) -> None:
        class Short(self.Long):
            qs_filter = {"title": "x"}

        found = Short().restrict(Book.objects.all(), None)
        assert sql(found) == sql(Book.objects.filter(pages__gt=10).filter(title="x"))

    def test_none(self) -> None:
        class Nothing(Collection):
            model = Book

            def get_queryset(self) -> Any:
                return Book.objects.none()

        assert Nothing().restrict(Book.objects.all(), None).query.is_empty()


class TestOrder:
    def test_of_slices_without_their_own(self) -> None:
        found = collection(Book, order_by=["-pages", "pk"]).restrict(Book.objects.all()[:3], None)
        assert sql(found) == sql(Book.objects.order_by("-pages", "pk")[:3])

    def test_not_of_others(self) -> None:
        made = collection(Book, order_by=["-pages"])
        for books in (Book.objects.all(), Book.objects.order_by("price")[:3]):
            assert made.restrict(books, None) is books

    def test_the_models_own(self) -> None:
        books = Book.objects.all()[:3]
        assert sql(collection(Book).restrict(books, None)) == sql(
            Book.objects.order_by("title")[:3]
        )


class TestPaths:
    def test_all_that_are_named(self) -> None:
        made = collection(
            Message,
            user_rel=["author", "channel__members"],
            qs_filter=Q(hidden=False) & ~Q(channel__name="x"),
            order_by=["-text"],
            properties={"headline": ["channel__name"]},
            serialize_reads=["author__username"],
        )
        assert made.lookup_paths() == [
            *("author", "channel__members", "hidden", "channel__name", "-text"),
            *("channel__name", "author__username"),
        ]
        assert made.reads() == ("channel__name", "author__username")

    def test_many_to_many_fields_are_read(self) -> None:
        assert collection(Person).reads() == ("tags",)

    def test_rows_do_unless_there_is_more(self) -> None:
        assert collection(Book).serializer() is None
        made = collection(Message, properties={"headline": ["channel__name"]})
        assert made.serializer() == made.serializer()
        assert made.serializer(["n"]) != made.serializer()

    def test_an_overridden_serialize(self) -> None:
        class Shouting(Collection):
            model = Message

            def serialize(self, obj: Any) -> Any:
                return {"text": obj.text.upper()}

        serializer = Shouting().serializer(["n"])
        assert serializer is not None
        message = Message(text="hi")
        message.n = 3
        assert serializer(message) == {"text": "HI", "n": 3}
