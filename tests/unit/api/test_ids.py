"""Between primary keys and the ids of documents."""

from __future__ import annotations

import uuid
from typing import Any

import pytest

from bookstore.models import Author
from dddp.api import get_ddp_id, get_object, get_object_id
from desk.models import Errand, Task
from zoo.models import Keyed, Profile, Ticket

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
