"""Documents made of objects: `properties` and `serialize`."""

import pytest
from django.contrib.auth.models import User
from django.db.models import Prefetch

from club.models import Channel, Message
from dddp.api import Collection, Publication
from tools.inprocess import InProcess, db, quiet


@pytest.fixture
def published(registry, offer):
    def publish(collection, queryset=None):
        registry.register(collection)
        rows = Message.objects.all() if queryset is None else queryset

        class Shown(Publication):
            queries = [(rows, collection.name)]

        offer(Shown)

    return publish


async def test_properties_follow_what_they_are_made_of(hub, client, people, published):
    class Headlines(Collection):
        model = Message
        name = "headlines"
        fields = ["hidden"]
        properties = {"headline": ["text", "channel__name"]}

    published(Headlines)
    await client.subscribe("Shown")
    ada = str((await db(lambda: Message.objects.get(text="ada"))).pk)
    assert client.collections["headlines"][ada] == {"hidden": False, "headline": "a: ada"}
    await db(lambda: Channel.objects.filter(name="a").update(name="A"))
    await quiet(hub)
    assert client.collections["headlines"][ada]["headline"] == "A: ada"
    await db(lambda: Message.objects.filter(text="ada").update(text="eve"))
    await quiet(hub)
    assert client.collections["headlines"][ada]["headline"] == "A: eve"


async def test_only_leaves_out_relations_too(client, people, published):
    class Bare(Collection):
        model = Channel
        name = "bare"

        def serialize(self, obj):
            return super().serialize(obj)

    published(Bare, Channel.objects.filter(name="a").only("name"))
    await client.subscribe("Shown")
    assert list(client.collections["bare"].values()) == [{"name": "a"}]


async def test_an_overridden_serialize(hub, client, people, published):
    class Lively(Collection):
        model = Message
        name = "lively"
        serialize_reads = ["channel__members__username"]

        def serialize(self, obj):
            names = [user.username for user in obj.channel.members.all()]
            return {"members": sorted(names)} if names else {}

    published(Lively, Message.objects.filter(text="ada"))
    await client.subscribe("Shown")
    assert list(client.collections["lively"].values()) == [{"members": ["ada"]}]
    await db(lambda: Channel.objects.get(name="a").members.add(people["bob"]))
    await quiet(hub)
    assert list(client.collections["lively"].values()) == [{"members": ["ada", "bob"]}]
    await db(lambda: Channel.objects.get(name="a").members.clear())
    await quiet(hub)
    assert list(client.collections["lively"].values()) == [{}]
    await db(lambda: Message.objects.all().delete())
    await quiet(hub)
    assert client.collections["lively"] == {}


async def test_a_prefetch_for_one_user_is_not_shown_to_another(
    hub, client, people, registry, offer
):
    class Mine(Collection):
        model = Channel
        name = "mine"
        serialize_reads = ["members__username"]

        def serialize(self, obj):
            return {"found": [user.username for user in obj.found]}

    registry.register(Mine)

    @offer
    class Found(Publication):
        def get_queries(self, name):
            found = Prefetch("members", User.objects.filter(username=name), to_attr="found")
            return [(Channel.objects.filter(name="a").prefetch_related(found), "mine")]

    def shown(client):
        return list(client.collections["mine"].values())

    async with InProcess(hub) as other:
        await client.subscribe("Found", "ada")
        await other.subscribe("Found", "bob")
        await db(lambda: Channel.objects.get(name="a").members.set([people["bob"]]))
        await quiet(hub)
        assert (shown(client), shown(other)) == ([{"found": []}], [{"found": ["bob"]}])
