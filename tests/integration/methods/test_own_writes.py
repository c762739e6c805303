"""`updated` comes behind all that a call has changed in its caller's subscriptions."""

import pytest
from django.db import transaction

from bookstore.models import Author, Book
from dddp.api import MeteorError, Publication
from tools.feed import outage
from tools.inprocess import db


class AllAuthors(Publication):
    queries = Author.objects.all()


class BooksOfJane(Publication):
    queries = Book.objects.filter(author__email="jane@example.com")


@pytest.fixture
async def jane(hub, registry, client, kinds):
    """The author of one book; the client sees both."""

    def write():
        jane = Author.objects.create(name="Jane", email="jane@example.com")
        Book.objects.create(title="Emma", author=jane, pages=1)
        return jane

    jane = await db(write)
    registry.register([AllAuthors, BooksOfJane])
    await client.subscribe("AllAuthors")
    await client.subscribe("BooksOfJane")
    kinds()
    return jane


def rename(name):
    Author.objects.update(name=name)


@pytest.mark.usefixtures("jane")
class TestWrites:
    async def test_in_hooks_only(self, registry, client, kinds):
        @registry.method("x")
        def method():
            transaction.on_commit(lambda: rename("second"))

        await client.call("x")
        assert kinds() == ["changed", "updated", "result"]

    async def test_in_nested_calls(self, registry, client, kinds):
        @registry.method("inner")
        def inner():
            rename("inner")
            transaction.on_commit(lambda: Author.objects.update(email="x@example.com"))

        @registry.method("x")
        def method():
            registry.call("inner")

        await client.call("x")
        assert kinds() == ["changed", "changed", "removed", "updated", "result"]

    async def test_that_others_see_through_a_relation_only(self, registry, client, kinds):
        @registry.method("x")
        def method(email):
            Author.objects.update(email=email)

        await client.call("x", "x@example.com")
        assert kinds() == ["changed", "removed", "updated", "result"]
        await client.call("x", "jane@example.com")
        assert kinds() == ["changed", "added", "updated", "result"]

    async def test_of_coroutines(self, registry, client, kinds):
        @registry.method("x")
        async def method():
            await Author.objects.aupdate(name="x")

        await client.call("x")
        assert kinds() == ["changed", "updated", "result"]

    async def test_that_come_late(self, hub, registry, client, kinds, monkeypatch):
        """DDP 1: `updated` may follow the result, and others do not wait for it."""
        monkeypatch.setattr("dddp.session.calling.FENCE_SECONDS", 0.05)
        registry.method("x")(rename)
        async with outage(hub):
            await client.call("x", "first", wait_updated=False)
            await client.call("x", "second", wait_updated=False)
            assert kinds() == ["result", "result"]
        await client.wait_for(lambda: len(client.updated) == 2)
        assert kinds() == ["changed", "updated", "updated"]


@pytest.mark.usefixtures("jane")
class TestWithoutTransaction:
    async def test_each_write_is_one(self, registry, client, kinds):
        @registry.method("x", transaction=False)
        def method():
            assert not transaction.get_connection().in_atomic_block
            rename("first")
            rename("second")

        await client.call("x")
        assert kinds() == ["changed", "changed", "updated", "result"]

    async def test_what_was_written_stays_when_it_fails(self, registry, client, kinds):
        @registry.method("x", transaction=False)
        def method():
            rename("first")
            raise MeteorError("failed")

        with pytest.raises(MeteorError):
            await client.call("x")
        assert kinds() == ["changed", "updated", "result"]

    async def test_one_that_leaves_a_transaction_open(self, registry, client, kinds):
        @registry.method("x", transaction=False)
        def method():
            transaction.set_autocommit(False)
            rename("lost")

        await client.call("x")
        assert kinds() == ["updated", "result"]
        assert await db(lambda: Author.objects.get().name) == "Jane"
