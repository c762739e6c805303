"""The sample project: its publications and its methods, over the wire."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from decimal import Decimal
from typing import Any

import pytest
from django.core.management import call_command

from bookstore.models import Author, Book
from dddp.exceptions import MeteorError
from dddp.testing.client import DDPClient

Connect = Callable[..., Awaitable[DDPClient]]


@pytest.fixture
def emma(db_project: str) -> Book:
    jane = Author.objects.create(name="Jane", email="jane@example.com")
    Author.objects.create(name="Ivo", email="ivo@example.com")
    return Book.objects.create(title="Emma", author=jane, pages=300, price=Decimal("9.50"))


async def test_all_books(ddp: Connect, emma: Book) -> None:
    client = await ddp()
    await client.subscribe("AllBooks")
    assert client.collections["bookstore.book"] == {
        "1": {
            "title": "Emma",
            "author_id": "1",
            "pages": 300,
            "price": "9.50",
            "published": None,
        }
    }
    assert client.collections["bookstore.author"]["2"] == {
        "name": "Ivo",
        "email": "ivo@example.com",
    }


async def test_books_follow_the_email_of_their_author(ddp: Connect, emma: Book) -> None:
    old, new = await ddp(), await ddp()
    await old.subscribe("BooksByAuthorEmail", "jane@example.com")
    await new.subscribe("BooksByAuthorEmail", "austen@example.com")
    assert "1" in old.collections["bookstore.book"]
    Author.objects.filter(pk=1).update(email="austen@example.com")
    await new.wait_for(lambda: "1" in new.collections["bookstore.book"])
    await old.wait_for(lambda: not old.collections["bookstore.book"])
    await old.wait_for(lambda: not old.collections["bookstore.author"])


class TestMethods:
    async def test_edits_have_arrived_when_the_call_returns(self, ddp: Connect, emma: Book) -> None:
        client = await ddp()
        await client.subscribe("AllBooks")
        books = client.collections["bookstore.book"]
        await client.call("bookstore/set_pages", "1", 320)
        assert books["1"]["pages"] == 320
        await client.call("bookstore/rename_book", "1", "Emma, again")
        assert books["1"]["title"] == "Emma, again"
        await client.call("bookstore/set_price", "1", "12.30")
        assert books["1"]["price"] == "12.30"
        await client.call("bookstore/delete_book", "1")
        assert books == {}

    async def test_add_book_returns_its_id(self, ddp: Connect, emma: Book) -> None:
        client = await ddp()
        await client.subscribe("AllBooks")
        book = {"title": "Persuasion", "author_id": "1", "pages": 249, "price": "8.00"}
        new_id = await client.call("bookstore/add_book", book)
        assert client.collections["bookstore.book"][new_id]["title"] == "Persuasion"

    @pytest.mark.parametrize(
        ("method", "params", "error", "reason"),
        [
            ("set_pages", ["7", 1], "not-found", "There is no such book any more."),
            ("set_pages", [{}, 1], "not-found", "There is no such book any more."),
            ("set_pages", ["1", 0], "invalid", "pages: .* greater than or equal to 1"),
            ("set_pages", ["1", None], "invalid", "pages: This field cannot be null"),
            ("set_pages", ["1", {}], "invalid", "pages: .* must be an integer"),
            ("set_price", ["1", "much"], "invalid", "price: .* must be a decimal"),
            ("set_price", ["1", "1e9"], "invalid", "price: "),
            ("rename_book", ["1", ""], "invalid", "title: This field cannot be blank"),
            ("rename_book", ["1", "x" * 201], "invalid", "title: .* at most 200"),
            ("add_book", ["Emma"], "invalid", "A book has a title"),
            ("add_book", [{"id": "1"}], "invalid", "A book has a title"),
            ("add_book", [{"title": "x", "author_id": "9", "pages": 1}], "invalid", "author: "),
            ("set_pages", ["1"], 400, "Match failed"),
        ],
    )
    async def test_what_cannot_be_is_refused(
        self,
        ddp: Connect,
        emma: Book,
        method: str,
        params: list[Any],
        error: str | int,
        reason: str,
    ) -> None:
        client = await ddp()
        with pytest.raises(MeteorError, match=reason) as caught:
            await client.call(f"bookstore/{method}", *params)
        assert caught.value.error == error
        assert list(Book.objects.values_list("title", "pages", "price")) == [
            ("Emma", 300, Decimal("9.50"))
        ]


def test_the_sample_is_the_same_each_time(db_project: str) -> None:
    def load() -> list[Any]:
        call_command("load_bookstore", verbosity=0)
        return list(Book.objects.order_by("title").values_list("title", "pages", "published"))

    first = load()
    Author.objects.all().delete()
    assert load() == first
    assert load() == first
    assert len({title for title, _, _ in first}) == 60
