"""The options of collections, as their clients see them."""

import pytest
from club_life import texts

from club.models import Channel, Message
from dddp.api import Collection, Publication, this
from tools.inprocess import InProcess, db, quiet


@pytest.fixture
def register(registry):
    """Decorator: a Collection in the place of others of its model."""

    def register(collection):
        names = [n for n, each in registry._collections.items() if each.model is collection.model]
        for name in names:
            del registry._collections[name]
        registry.register(collection)
        return collection

    return register


async def test_rows_that_may_be_published_at_all(hub, client, people, offer, register):
    @register
    class Unhidden(Collection):
        model = Message

        def get_queryset(self):
            return super().get_queryset().filter(hidden=False)

    @offer
    class All(Publication):
        queries = Message.objects.all()

    await client.subscribe("All")
    assert texts(client) == ["ada", "bob"]
    await db(lambda: Message.objects.filter(text="ada").update(hidden=True))
    await quiet(hub)
    assert texts(client) == ["bob"]


async def test_rows_that_depend_on_the_user(hub, client, people, offer, register):
    @register
    class OfOnes(Collection):
        model = Message

        def get_queryset(self):
            return Message.objects.filter(author__username=this.user.username)

    @offer
    class All(Publication):
        queries = Message.objects.all()

    await client.subscribe("All")
    assert texts(client) == []
    await client.call("login", people["bob"])
    assert texts(client) == ["bob"]


async def test_a_slice_in_the_collections_order(hub, client, people, offer, register):
    @register
    class InOrder(Collection):
        model = Message
        order_by = ["text"]

    @offer
    class First(Publication):
        queries = Message.objects.all()[:1]

    @offer
    class Last(Publication):
        queries = Message.objects.order_by("-text")[:1]

    first = await client.subscribe("First")
    assert texts(client) == ["ada"]
    await db(lambda: Message.objects.filter(text="ada").update(text="zoe"))
    await quiet(hub)
    assert texts(client) == ["bob"]
    await first.stop()
    await client.subscribe("Last")
    assert texts(client) == ["zoe"]


async def test_a_slice_in_the_models_order(hub, client, people, offer):
    @offer
    class First(Publication):
        queries = [(Message.objects.all()[:1], "messages")]

    await client.subscribe("First")
    assert texts(client, "messages") == ["bob"]


async def test_a_slice_of_what_the_user_may_see(hub, client, people, offer):
    """A member twice over counts once."""

    @offer
    class First(Publication):
        queries = Message.objects.order_by("text")[:2]

    def more():
        channel = Channel.objects.get(name="b")
        channel.memberships.create(user_id=people["bob"])
        Message.objects.create(channel=channel, text="aaa")
        Message.objects.create(channel=Channel.objects.get(name="a"), text="0")

    await client.call("login", people["bob"])
    await client.subscribe("First")
    assert texts(client) == ["bob"]
    await db(more)
    await quiet(hub)
    assert texts(client) == ["aaa", "bob"]
    await db(lambda: Message.objects.filter(text="bob").delete())
    await quiet(hub)
    assert texts(client) == ["aaa"]


async def test_two_users_with_equal_rights_share_what_is_asked(hub, client, people, offer):
    @offer
    class Hidden(Publication):
        queries = [(Message.objects.filter(hidden=False), "messages")]

    async with InProcess(hub) as other:
        await client.call("login", people["ada"])
        await other.call("login", people["bob"])
        for each in (client, other):
            await each.subscribe("Hidden")
        assert len([each for each in hub.engine.queries if each.shape.collection]) == 1
