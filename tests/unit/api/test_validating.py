"""Options that cannot work are named, with what to mend."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import models
from django.db.models import F, Q
from django.test.utils import isolate_apps

from bookstore.models import Book
from club.models import Membership, Message
from dddp.api import Collection, Publication
from dddp.api.validating import collection_problems, publication_problems
from dddp.fields import AleaIdField
from desk.models import Invoice, Shelfmark, Task
from zoo.models import Measured, Signed, Specimen


def allow(self: Any, *args: Any) -> bool:
    return True


async def allow_later(self: Any, *args: Any) -> bool:
    return True


def alea(two: bool = False, **options: Any) -> type[models.Model]:
    """A model with an `AleaIdField` beside the primary key."""
    fields = {name: AleaIdField(**options) for name in ("aid", "bid")[: 1 + two]}
    meta = type("Meta", (), {"app_label": "made"})
    with isolate_apps():
        return type("Made", (models.Model,), {"__module__": __name__, "Meta": meta, **fields})


def referring() -> type[models.Model]:
    """Refers to a child of a model with such a field, by a column of the child's own."""
    meta = type("Meta", (), {"app_label": "made"})
    common = {"__module__": __name__, "Meta": meta}
    with isolate_apps():
        parent = type("Parent", (models.Model,), {**common, "aid": AleaIdField()})
        own = {"code": models.IntegerField(unique=True)}
        child = type("Child", (parent,), {**common, **own})
        key: Any = models.ForeignKey(child, models.CASCADE, to_field="code")
        return type("Made", (models.Model,), {**common, "child": key})


def referring_to_a_second_parent() -> type[models.Model]:
    """Refers to a row whose key is another than that of the parent with such a field."""
    meta = type("Meta", (), {"app_label": "made"})
    common = {"__module__": __name__, "Meta": meta}
    with isolate_apps():
        first = type("First", (models.Model,), dict(common))
        no: Any = models.AutoField(primary_key=True)
        second = type("Second", (models.Model,), {**common, "no": no, "aid": AleaIdField()})
        child = type("Child", (first, second), dict(common))
        key: Any = models.ForeignKey(child, models.CASCADE)
        return type("Made", (models.Model,), {**common, "child": key})


def problems(**attributes: Any) -> list[str]:
    made: Any = type("Made", (Collection,), {"model": Message, **attributes})
    return list(collection_problems(made()))


class TestCollections:
    @pytest.mark.parametrize(
        "attributes",
        [
            {},
            {"user_rel": "author"},
            {"user_rel": ["channel__members", "channel__memberships__user", "author__id"]},
            {"model": Membership, "user_rel": "user"},
            {"model": User, "user_rel": "pk"},
            {"qs_filter": Q(hidden=False) | Q(channel__name="x"), "order_by": ["-text", "pk"]},
            {"qs_filter": {"text__istartswith": "a"}, "order_by": [F("text").desc()]},
            {"properties": {"headline": ["channel__name", "text"]}},
            {"serialize_reads": ["channel__members__groups", "author"]},
            {"writable_fields": ["text", "channel", "author_id"], "allow_update": allow},
            {"model": Task, "allow_insert": allow},
            {"model": Shelfmark, "writable_fields": ["code"], "allow_insert": allow},
            {"model": Invoice},
            {"model": Signed},
        ],
    )
    def test_none(self, attributes: Any) -> None:
        assert problems(**attributes) == []

    @pytest.mark.parametrize(
        ("attributes", "texts"),
        [
            ({"user_rel": "autor"}, ["user_rel", "Cannot resolve keyword 'autor'", "author"]),
            ({"user_rel": "channel"}, ["'channel' leads to club.Message.channel", "auth.User"]),
            ({"user_rel": ["author", "text"]}, ["'text' leads to club.Message.text"]),
            ({"user_rel": "channel__members__x"}, ["user_rel", "'x'"]),
            ({"qs_filter": {"hiden": 1}}, ["`qs_filter` cannot be applied", "'hiden'"]),
            ({"qs_filter": Q(text__nolookup=1)}, ["`qs_filter` cannot be applied", "nolookup"]),
            ({"qs_filter": {"id": "x"}}, ["`qs_filter` cannot be applied", "expected a number"]),
            ({"qs_filter": ["hidden"]}, ["`qs_filter` has to be a Q object or a dict"]),
            ({"order_by": ["-txt"]}, ["`order_by` cannot be applied", "'txt'"]),
            ({"order_by": "text"}, ["`order_by` has to be a list: ['text']"]),
            ({"order_by": ["?"]}, ["`order_by` is random"]),
            ({"properties": {"headlin": []}}, ["names 'headlin', which club.Message has not"]),
            ({"properties": {"headline": ["chanel"]}}, ["`properties['headline']`", "'chanel'"]),
            ({"properties": {"headline": "text"}}, ["has to be a list: ['text']"]),
            ({"properties": ["headline"]}, ["`properties` has to be a dict"]),
            ({"serialize_reads": ["channel__nam"]}, ["`serialize_reads`", "'nam'"]),
            ({"serialize_reads": ["text__lower"]}, ["`serialize_reads`", "'lower'"]),
            ({"writable_fields": ["txt"]}, ["names 'txt', which club.Message does not have"]),
            ({"writable_fields": "text"}, ["`writable_fields` has to be a list: ['text']"]),
            ({"writable_fields": ["id"]}, ["'id'", "cannot write a BigAutoField"]),
            ({"model": Specimen, "writable_fields": ["paper"]}, ["cannot write a FileField"]),
            ({"model": Measured, "writable_fields": ["area"]}, ["cannot write a GeneratedField"]),
            ({"allow_update": allow}, ["change nothing without `writable_fields`"]),
            ({"deny_remove": allow_later}, ["`deny_remove` has to be a plain function"]),
            ({"model": alea(null=True)}, ["Made.aid", "id of documents", "null=True"]),
            ({"model": alea(unique=False)}, ["Made.aid", "id of documents", "unique=False"]),
            ({"model": referring()}, ["Made.child refers to made.Child.code", "made.Parent.aid"]),
            (
                {"model": referring_to_a_second_parent()},
                ["Made.child refers to made.Child.first_ptr", "made.Second.aid"],
            ),
            ({"model": alea(two=True)}, ["Made.aid and", "Made.bid", "one id"]),
        ],
    )
    def test_one(self, attributes: Any, texts: list[str]) -> None:
        (problem,) = problems(**attributes)
        assert [text for text in texts if text not in problem] == [], problem


class TestPublications:
    def test_none(self) -> None:
        class Fine(Publication):
            universal = True

            def get_queries(self, optional: Any = None) -> Any:
                return []

        assert list(publication_problems(Fine())) == []

    def test_universal_with_parameters(self) -> None:
        class Wrong(Publication):
            universal = True

            async def publish(self, room: Any) -> None:
                pass

        (problem,) = publication_problems(Wrong())
        assert "universal" in problem
        assert "`publish` must not need any" in problem

    def test_two_ways_at_once(self) -> None:
        class Both(Publication):
            queries = Book.objects.all()

            def publish(self) -> None:
                pass

        (problem,) = publication_problems(Both())
        assert "never used" in problem
