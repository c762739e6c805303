"""Publications that give everybody the same: analysed once, and joined without a thread."""

import asyncio
import contextlib
import threading

import pytest
from django.db.models import Q, Value
from django.utils.functional import lazy

from bookstore.models import Author, Book
from club.models import Message
from dddp.api import Collection, Publication, this
from dddp.conf import conf
from tools.feed import outage
from tools.inprocess import InProcess, db

SECONDS = 20


@contextlib.asynccontextmanager
async def all_threads_taken(hub):
    gate = threading.Event()
    run = hub.user_threads.run
    waiting = [asyncio.create_task(run(gate.wait, SECONDS)) for _ in range(conf.worker_threads)]
    await asyncio.sleep(0)
    try:
        yield
        assert not any(each.done() for each in waiting)
    finally:
        gate.set()
        await asyncio.gather(*waiting)


async def test_the_second_takes_no_thread(hub, client, offer):
    @offer
    class Authors(Publication):
        queries = Author.objects.filter(name="Jane")

    await db(lambda: Author.objects.create(name="Jane", email="jane@example.com"))
    await client.subscribe("Authors")
    async with InProcess(hub) as second, all_threads_taken(hub):
        await second.subscribe("Authors")
        assert second.collections == client.collections
        assert len(second.collections["bookstore.author"]) == 1


async def test_not_where_users_see_their_own(client, offer, people):
    @offer
    class Messages(Publication):
        queries = Message.objects.all()

    def texts():
        return {each["text"] for each in client.collections.get("club.message", {}).values()}

    for name in ("ada", "bob"):
        await client.call("login", people[name])
        subscription = await client.subscribe("Messages")
        assert texts() == {name}
        await subscription.stop()


async def test_not_where_a_collection_asks_who_it_is_for(registry, client, offer, people):
    class Own(Collection):
        name = "own"
        model = Message

        def get_queryset(self):
            return Message.objects.filter(author_id=this.user_id)

    registry.register(Own)

    @offer
    class Messages(Publication):
        queries = (Message.objects.all(), "own")

    for name in ("ada", "bob"):
        await client.call("login", people[name])
        subscription = await client.subscribe("Messages")
        assert [each["text"] for each in client.collections["own"].values()] == [name]
        await subscription.stop()


def made_each_time(wanted):
    """Ways to give the author who is wanted now: `queries`, and options of the collection."""

    class Wanted(Value):
        def as_sql(self, compiler, connection):
            return "%s", wanted

    everybody = (Author.objects.all(), "authors")
    return {
        "querysets": (property(lambda _: (Author.objects.filter(name=wanted[0]), "authors")), {}),
        "a filter": (everybody, {"qs_filter": property(lambda _: {"name": wanted[0]})}),
        "a lazy filter": (everybody, {"qs_filter": Q(name=lazy(lambda: wanted[0], str)())}),
        "an expression": ((Author.objects.filter(name=Wanted("")), "authors"), {}),
    }


@pytest.mark.parametrize("way", made_each_time([]))
async def test_not_where_something_is_made_each_time(registry, client, offer, way):
    wanted = ["a"]
    queries, options = made_each_time(wanted)[way]
    named = {"name": "authors", "model": Author}
    registry.register(type("Some", (Collection,), {**named, **options}))
    offer(type("Authors", (Publication,), {"queries": queries}))
    authors = [Author(name=name, email=f"{name}@x.org") for name in ("a", "b")]
    await db(Author.objects.bulk_create, authors)
    for name in ("a", "b"):
        wanted[:] = [name]
        subscription = await client.subscribe("Authors")
        assert [each["name"] for each in client.collections["authors"].values()] == [name]
        await subscription.stop()


async def test_not_where_a_collection_chooses_its_fields_each_time(registry, client, offer):
    hidden = []

    class Some(Collection):
        name = "authors"
        model = Author

        def published_fields(self):
            return [field for field in super().published_fields() if field.name not in hidden]

    registry.register(Some)

    @offer
    class Authors(Publication):
        queries = (Author.objects.all(), "authors")

    await db(lambda: Author.objects.create(name="a", email="a@x.org"))
    await (await client.subscribe("Authors")).stop()
    hidden.append("email")
    await client.subscribe("Authors")
    (author,) = client.collections["authors"].values()
    assert set(author) == {"name"}


async def test_what_is_registered_later_counts(registry, client, offer):
    class Books(Collection):
        name = "books"
        model = Book
        fields = ["title"]

    @offer
    class AllBooks(Publication):
        queries = Book.objects.all()

    def write():
        jane = Author.objects.create(name="Jane", email="jane@example.com")
        Book.objects.create(title="Emma", author=jane, pages=1)

    await db(write)
    subscription = await client.subscribe("AllBooks")
    await subscription.stop()
    del registry._collections["bookstore.book"]
    registry.register(Books)
    await client.subscribe("AllBooks")
    assert list(client.collections["books"].values()) == [{"title": "Emma"}]


async def test_after_an_outage_it_is_analysed_anew(hub, registry, client, offer):
    """The tables may be others now."""

    @offer
    class Authors(Publication):
        queries = Author.objects.all()

    await client.subscribe("Authors")
    publication = registry.publication("Authors")
    assert hub.fixed_plans.get(publication, []) is not None
    async with outage(hub):
        pass
    assert hub.fixed_plans.get(publication, []) is None


@pytest.mark.parametrize("params", [[1], ["x"]])
async def test_parameters_are_refused_as_before(client, offer, params):
    @offer
    class Authors(Publication):
        queries = Author.objects.all()

    await client.subscribe("Authors")
    with pytest.raises(Exception, match="Match failed"):
        await client.subscribe("Authors", *params)
