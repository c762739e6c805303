"""Between primary keys and the ids of documents."""

from __future__ import annotations

import uuid
from typing import Any

import pytest

from bookstore.models import Author
from dddp.api import get_ddp_id, get_ddp_ids, get_object, get_object_id, get_object_ids
from desk.models import Errand, Task
from zoo.models import Keyed, Novel, Profile, Signed, Ticket, Writer

REQUIRED: dict[Any, dict[str, Any]] = {
    Writer: {"name": "ann"},
    Novel: {"title": "n"},
    Signed: {"name": "sue", "motto": "x"},
}
UUID = uuid.UUID("0123456789abcdef0123456789abcdef")


@pytest.mark.parametrize(
    ("obj", "id"),
    [
        (Author(pk=5), "5"),
        (Keyed(pk="5"), "5"),
        (Ticket(pk=UUID), "01234567-89ab-cdef-0123-456789abcdef"),
        (Task(pk="abc"), "abc"),
        (Errand(pk="abc"), "abc"),
        (Profile(pk=5), "5"),
    ],
)
def test_there_and_back(obj: Any, id: str) -> None:
    assert get_ddp_id(obj) == id
    assert get_object_id(type(obj), id) == obj.pk


def test_what_is_not_saved_has_none() -> None:
    with pytest.raises(ValueError, match="before it is saved"):
        get_ddp_id(Author())


@pytest.mark.parametrize(
    "id", ["", "x", "05", " 5", "1_0", "٥", "5.0", 5, None, True, ["5"], {"$gt": 0}, "5\0"]
)
def test_what_is_no_id(id: Any) -> None:
    with pytest.raises(Author.DoesNotExist):
        get_object_id(Author, id)


def test_one_spelling_only() -> None:
    with pytest.raises(Ticket.DoesNotExist):
        get_object_id(Ticket, UUID.hex)


def test_objects(db_project: str) -> None:
    author = Author.objects.create(name="Jane")
    id = get_ddp_id(author)
    assert get_object(Author, id) == author
    assert get_object(Author.objects, id) == author
    assert get_object(Author.objects.filter(name="Jane"), id) == author
    for source, wrong in ((Author, "x"), (Author, "12345"), (Author.objects.none(), id)):
        with pytest.raises(Author.DoesNotExist):
            get_object(source, wrong)


class TestBesideThePrimaryKey:
    @pytest.mark.parametrize("model", [Writer, Novel, Signed])
    def test_there_and_back(self, db_project: str, model: Any) -> None:
        kept, other = (
            model.objects.create(**REQUIRED[model]),
            model.objects.create(**REQUIRED[model]),
        )
        assert get_ddp_id(kept) == kept.aid
        assert get_ddp_id(model.objects.only("pk").get(pk=kept.pk)) == kept.aid
        assert get_object_id(model, kept.aid) == kept.pk
        assert get_object(model, kept.aid) == kept
        assert get_object(model.objects.filter(pk=kept.pk), kept.aid) == kept
        for source, wrong in ((model, str(kept.pk)), (model.objects.none(), kept.aid), (model, "")):
            with pytest.raises(model.DoesNotExist):
                get_object(source, wrong)
        with pytest.raises(model.DoesNotExist):
            get_object_id(model, str(kept.pk))
        pairs = {kept.pk: kept.aid, other.pk: other.aid}
        assert get_ddp_ids(model, [*pairs, 12345]) == pairs
        ids = {aid: pk for pk, aid in pairs.items()}
        assert get_object_ids(model, [*ids, "x", "", 5]) == ids

    def test_before_it_is_saved(self) -> None:
        with pytest.raises(ValueError, match="before it is saved"):
            get_ddp_id(Writer())
        assert get_ddp_id(Writer(aid="mine")) == "mine"


def test_several_primary_keys(db_project: str) -> None:
    author = Author.objects.create(name="Jane")
    id = get_ddp_id(author)
    assert get_ddp_ids(Author, [author.pk, 12345]) == {author.pk: id}
    assert get_object_ids(Author, [id, "12345", "x", f"0{id}"]) == {id: author.pk}
