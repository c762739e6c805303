"""Documents made of objects: `properties` and `serialize`."""

import pytest
from django.contrib.auth.models import User
from django.db.models import Prefetch

from club.models import Channel, Message
from dddp.api import Collection, Publication
from tools.inprocess import InProcess, db, quiet
from zoo.models import Piece, Topic, Writer


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


async def test_ids_beside_the_primary_key(hub, client, published):
    class Headlines(Collection):
        model = Piece
        name = "headlines"
        exclude = ["title", "stars"]
        properties = {"headline": ["title", "stars"]}

    def make():
        ann, ben = (Writer.objects.create(name=name, aid=name) for name in ("ann", "ben"))
        piece = Piece.objects.create(title="t", aid="mine", author=ann, editor=ben)
        piece.topics.add(*(Topic.objects.create(name=name, aid=name) for name in ("z", "a")))

    await db(make)
    published(Headlines, Piece.objects.filter(author__name__startswith="a"))
    await client.subscribe("Shown")
    shown = {"author_id": "ann", "editor_id": "ben", "topics_ids": ["z", "a"], "headline": "t: 0"}
    assert client.collections["headlines"] == {"mine": shown}
    for change, after in (
        (lambda: Writer.objects.filter(name="ann").update(aid="eve"), {"author_id": "eve"}),
        (lambda: Topic.objects.filter(name="z").update(aid="y"), {"topics_ids": ["y", "a"]}),
        (lambda: Piece.objects.update(stars=2), {"headline": "t: 2"}),
        (lambda: Piece.objects.get().topics.clear(), {"topics_ids": []}),
    ):
        await db(change)
        await quiet(hub)
        shown.update(after)
        assert client.collections["headlines"] == {"mine": shown}
    await db(lambda: Piece.objects.update(aid="yours"))
    await quiet(hub)
    assert client.collections["headlines"] == {"yours": shown}
    await db(lambda: Writer.objects.filter(name="ann").update(name="x"))
    await quiet(hub)
    assert client.collections["headlines"] == {}
