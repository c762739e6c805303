"""What a user may see no more disappears from his clients at once."""

import asyncio

import pytest
from club_life import texts

from club.models import Channel, Membership, Message
from dddp.api import API, Publication
from dddp.api.collection import Collection
from dddp.session.rights import plan_of_user
from tools.feed import Held, until
from tools.inprocess import InProcess, db, quiet, sql

pytestmark = pytest.mark.usefixtures("offered")


@pytest.fixture
async def ada(client, people):
    """The client, logged in and subscribed."""
    await client.subscribe("Mine")
    await client.call("login", people["ada"])
    return client


@pytest.fixture
def users(django_user_model):
    return django_user_model.objects


class TestTheUser:
    async def test_deactivated_and_activated_again(self, ada, people, users):
        since = len(ada.messages)
        await db(lambda: users.filter(pk=people["ada"]).update(is_active=False))
        await ada.wait_for(lambda: texts(ada) == [])
        assert await ada.call("who") == [None, False]
        await db(lambda: users.filter(pk=people["ada"]).update(is_active=True))
        await ada.wait_for(lambda: texts(ada) == ["ada"])
        assert "ready" not in [each["msg"] for each in ada.messages[since:]]

    async def test_deleted_by_raw_sql(self, ada, people):
        await sql("UPDATE club_message SET author_id = NULL")
        await sql("DELETE FROM club_membership WHERE user_id = %s", people["root"])
        await ada.call("login", people["root"])
        assert texts(ada) == ["ada", "bob"]
        await sql("DELETE FROM auth_user WHERE id = %s", people["root"])
        await ada.wait_for(lambda: texts(ada) == [])
        assert await ada.call("who") == [None, False]

    async def test_no_superuser_any_more(self, ada, people, users):
        await ada.call("login", people["root"])
        assert texts(ada) == ["ada", "bob"]
        await db(lambda: users.filter(pk=people["root"]).update(is_superuser=False))
        await ada.wait_for(lambda: texts(ada) == [])
        await db(lambda: users.filter(pk=people["root"]).update(is_superuser=True))
        await ada.wait_for(lambda: texts(ada) == ["ada", "bob"])

    async def test_documents_that_stay_are_not_sent_again(self, ada, people, users):
        await ada.subscribe("Everyones")
        since = len(ada.messages)
        await db(lambda: users.filter(pk=people["ada"]).update(is_active=False))
        await ada.wait_for(lambda: texts(ada) == [])
        assert texts(ada, "messages") == ["ada", "bob"]
        told = [(each["msg"], each.get("collection")) for each in ada.messages[since:]]
        assert told == [("removed", "club.message"), ("removed", "club.channel")]

    async def test_subscriptions_of_any_kind_run_again(self, ada, people, users, offer):
        @offer
        class Staff(Publication):
            async def publish(self):
                if self.user.is_authenticated and self.user.is_staff:
                    self.added("staff", "door", {"code": 1234})
                self.ready()

        await db(lambda: users.filter(pk=people["ada"]).update(is_staff=True))
        await ada.subscribe("Staff")
        await ada.wait_for(lambda: ada.collections["staff"])
        await db(lambda: users.filter(pk=people["ada"]).update(is_staff=False))
        await ada.wait_for(lambda: not ada.collections["staff"])

    async def test_every_client_of_the_user_and_nobody_elses(self, hub, ada, people, users):
        async with InProcess(hub) as second, InProcess(hub) as bob:
            for client, name in ((second, "ada"), (bob, "bob")):
                await client.call("login", people[name])
                await client.subscribe("Mine")
            since = len(bob.messages)
            await db(lambda: users.filter(pk=people["ada"]).update(is_active=False))
            for client in (ada, second):
                await client.wait_for(lambda client=client: texts(client) == [])
            assert texts(bob) == ["bob"]
            assert bob.messages[since:] == []

    async def test_while_subscriptions_already_run_again(self, hub, ada, people, users):
        held = Held(hub)
        await db(lambda: users.filter(pk=people["ada"]).update(is_active=False))
        await db(lambda: users.filter(pk=people["ada"]).update(is_active=True, is_superuser=True))
        await held.let_through()
        await ada.wait_for(lambda: texts(ada) == ["ada", "bob"])

    async def test_other_columns_run_nothing_again(self, hub, ada, people, users):
        before = ada.server._subscriptions.live_queries()
        update = {"last_name": "L", "password": "x", "email": "x@example.com"}
        await db(lambda: users.filter(pk=people["ada"]).update(**update))
        await quiet(hub)
        assert ada.server._following_rights is None
        assert ada.server._subscriptions.live_queries() == before

    async def test_nothing_of_the_row_but_three_flags_is_kept(self, hub, ada, people):
        plan = await db(plan_of_user, people["ada"])
        assert plan.shape.names == ("is_superuser", "is_staff", "is_active")
        assert plan.condition is not None
        assert "password" not in plan.sql
        assert not any(each.get("collection") == "" for each in ada.messages)

    async def test_two_sessions_of_a_user_share_what_follows_him(self, hub, ada, people):
        def following():
            return [query for query in hub.engine.queries if query.shape.collection == ""]

        async with InProcess(hub) as second:
            await second.call("login", people["ada"])
            (query,) = following()
            assert query.users == len(query.listeners) == 2
        await until(lambda: query.users == len(query.listeners) == 1)
        await ada.call("login", None)
        assert following() == []


class TestWhatUserRelLeadsOver:
    async def test_membership_removed(self, hub, ada, people):
        await db(lambda: Message.objects.update(author=None))
        await ada.wait_for(lambda: texts(ada) == ["ada"])
        await db(lambda: Channel.objects.get(name="a").members.clear())
        await ada.wait_for(lambda: texts(ada) == [] and not ada.collections["club.channel"])

    async def test_membership_given_to_another(self, hub, ada, people):
        await db(lambda: Message.objects.update(author=None))
        await db(lambda: Membership.objects.update(user_id=people["bob"]))
        await ada.wait_for(lambda: texts(ada) == [])
        await db(lambda: Membership.objects.update(user_id=people["ada"]))
        await ada.wait_for(lambda: texts(ada) == ["ada", "bob"])

    async def test_message_moved_to_another_channel(self, hub, ada, people):
        def move(name):
            channel = Channel.objects.get(name=name)
            Message.objects.update(author=None, channel=channel)

        await db(move, "b")
        await ada.wait_for(lambda: texts(ada) == [])
        await db(move, "a")
        await ada.wait_for(lambda: texts(ada) == ["ada", "bob"])

    async def test_one_of_two_paths_is_enough(self, hub, ada, people):
        await db(lambda: Channel.objects.get(name="a").members.clear())
        await quiet(hub)
        assert texts(ada) == ["ada"]
        await db(lambda: Message.objects.filter(text="ada").update(author=people["bob"]))
        await quiet(hub)
        assert texts(ada) == []

    async def test_superusers_can_be_treated_like_others(self, client, people, offer, monkeypatch):
        collection = API.collection("club.message")
        monkeypatch.setattr(type(collection), "always_allow_superusers", False)
        await client.subscribe("Mine")
        await client.call("login", people["root"])
        assert texts(client) == []
        assert isinstance(collection, Collection)


async def test_a_method_that_takes_its_callers_rights(ada, people, offer, users):
    """What it has led to arrives before `updated`."""
    from dddp.api import APIMixin, api_endpoint, this

    @offer
    class Leaving(APIMixin):
        api_path_prefix = ""

        @api_endpoint
        def leave(self):
            users.filter(pk=this.user_id).update(is_active=False)

    await ada.call("leave")
    assert texts(ada) == []


async def test_rights_taken_while_a_method_runs(ada, people, offer, users):
    """They do not wait for it."""
    from threading import Event

    from dddp.api import APIMixin, api_endpoint

    gate = Event()

    @offer
    class Slow(APIMixin):
        api_path_prefix = ""

        @api_endpoint
        def wait(self):
            assert gate.wait(20)

    calling = asyncio.create_task(ada.call("wait"))
    await until(lambda: not ada.server._inbox)
    await db(lambda: users.filter(pk=people["ada"]).update(is_active=False))
    await ada.wait_for(lambda: texts(ada) == [])
    gate.set()
    await calling


async def test_rights_do_not_wait_for_a_publisher_that_is_never_ready(ada, people, offer, users):
    @offer
    class Never(Publication):
        async def publish(self):
            self.added("greetings", "a", {"for": self.user.username})
            await asyncio.Event().wait()

    await ada.send({"msg": "sub", "id": "1", "name": "Never"})
    await ada.wait_for(lambda: ada.collections["greetings"])
    started = asyncio.get_running_loop().time()
    ada.server._subscriptions._named["1"].ready()
    await db(lambda: users.filter(pk=people["ada"]).update(is_active=False))
    await ada.wait_for(lambda: texts(ada) == [])
    assert asyncio.get_running_loop().time() - started < 8
    assert ada.collections["greetings"] == {"a": {"for": ""}}
