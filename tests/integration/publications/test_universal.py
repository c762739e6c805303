"""Publications that every client gets without asking."""

import asyncio

import pytest

from dddp.api import MeteorError, Publication, this
from tools.feed import until
from tools.inprocess import InProcess, db, quiet
from zoo.models import Keyed


@pytest.fixture
async def connect(hub):
    """Connect a client of the hub, after the test has offered something."""
    clients = []

    async def connect():
        client = InProcess(hub)
        await client.__aenter__()
        clients.append(client)
        return client

    yield connect
    for client in clients:
        await client.close()
        assert client.violations == []


async def test_a_queryset_follows_the_database(hub, connect, offer):
    @offer
    class News(Publication):
        universal = True
        queries = Keyed.objects.all()

    await db(lambda: Keyed.objects.create(key="a"))
    client = await connect()
    await client.wait_for(lambda: client.collections["zoo.keyed"])
    await db(lambda: Keyed.objects.create(key="b"))
    await quiet(hub)
    assert set(client.collections["zoo.keyed"]) == {"a", "b"}
    assert {each["msg"] for each in client.messages} == {"connected", "added"}


async def test_one_that_says_itself_what_there_is(hub, connect, offer):
    stopped = []

    @offer
    class News(Publication):
        universal = True

        def publish(self):
            self.on_stop(lambda: stopped.append(1))
            self.added("news", "a", {"n": 1})
            self.ready()

    client = await connect()
    await client.wait_for(lambda: client.collections["news"])
    assert [each["msg"] for each in client.messages] == ["connected", "added"]
    await client.close()
    await until(lambda: stopped)


async def test_comes_before_what_the_client_subscribes_to(hub, connect, offer):
    @offer
    class News(Publication):
        universal = True

        def publish(self):
            self.added("shared", "a", {"by": "universal"})

    @offer
    class Own(Publication):
        def publish(self):
            self.added("shared", "a", {"by": "own"})
            self.ready()

    client = await connect()
    await client.subscribe("Own")
    assert client.collections["shared"]["a"] == {"by": "universal"}


async def test_it_can_be_subscribed_to_by_name_as_well(hub, connect, offer):
    @offer
    class News(Publication):
        universal = True
        queries = Keyed.objects.all()

    await db(lambda: Keyed.objects.create(key="a"))
    client = await connect()
    subscription = await client.subscribe("News")
    await subscription.stop()
    assert set(client.collections["zoo.keyed"]) == {"a"}


@pytest.mark.parametrize("is_async", [False, True])
async def test_an_error_is_told_without_an_id(hub, connect, offer, is_async):
    if is_async:

        class News(Publication):
            universal = True

            async def publish(self):
                await asyncio.sleep(0)
                self.added("news", "a")
                raise MeteorError("no")

    else:

        class News(Publication):
            universal = True

            def get_queries(self):
                raise MeteorError("no")

    offer(News)
    client = await connect()
    await client.wait_for(lambda: client.messages[-1]["msg"] == "nosub")
    assert "id" not in client.messages[-1]
    assert client.messages[-1]["error"]["error"] == "no"
    assert not client.collections["news"]
    assert await client.call("who") == [None, False]


async def test_runs_again_for_another_user(hub, connect, offer, django_user_model):
    @offer
    class Me(Publication):
        universal = True

        def publish(self):
            if this.user_id is not None:
                self.added("me", this.user_id, {"name": this.user.username})

    user = await db(lambda: django_user_model.objects.create(username="ada"))
    client = await connect()
    await client.call("login", str(user.pk))
    assert client.collections["me"] == {str(user.pk): {"name": "ada"}}
    await client.call("login", None)
    assert client.collections["me"] == {}
    assert "ready" not in {each["msg"] for each in client.messages}
