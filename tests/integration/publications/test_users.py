"""Logging in and out: subscriptions run again, and the client is told the difference."""

import asyncio
import threading

import pytest
from club_life import texts

from club.models import Channel, Message
from dddp.api import MeteorError, Publication, api_endpoint, this
from dddp.api.endpoints import APIMixin
from tools.feed import outage, until
from tools.inprocess import InProcess, db, quiet

pytestmark = pytest.mark.usefixtures("offered")


def kinds(client, since):
    return [each["msg"] for each in client.messages[since:]]


class TestLogin:
    async def test_shows_what_the_user_may_see(self, client, people):
        await client.subscribe("Mine")
        assert texts(client) == []
        assert await client.call("login", people["ada"]) == people["ada"]
        assert texts(client) == ["ada"]
        assert await client.call("who") == [people["ada"], True]
        await client.call("login", people["bob"])
        assert texts(client) == ["bob"]
        await client.call("login", people["root"])
        assert texts(client) == ["ada", "bob"]
        await client.call("login", None)
        assert texts(client) == []

    async def test_tells_differences_then_ready_updated_result(self, client, people):
        await client.call("login", people["ada"])
        one, two = await client.subscribe("Mine"), await client.subscribe("Everyones")
        since = len(client.messages)
        await client.call("login", people["root"])
        assert kinds(client, since) == ["added", "added", "ready", "updated", "result"]
        assert client.messages[-3]["subs"] == [one.id, two.id]

    async def test_the_same_user_again_is_only_ready(self, client, people):
        await client.call("login", people["ada"])
        await client.subscribe("Mine")
        since = len(client.messages)
        await client.call("login", people["ada"])
        assert kinds(client, since) == ["ready", "updated", "result"]

    async def test_a_failed_method_changes_nothing(self, client, people, offer):
        @offer
        class Failing(APIMixin):
            @api_endpoint
            def fail(self, user_id):
                this.set_user_id(user_id)
                raise MeteorError("no")

        await client.subscribe("Mine")
        with pytest.raises(MeteorError):
            await client.call("/fail", people["ada"])
        assert await client.call("who") == [None, False]
        assert texts(client) == []

    async def test_a_user_made_by_the_same_method(self, client, people, offer, django_user_model):
        @offer
        class SignUp(APIMixin):
            api_path_prefix = ""

            @api_endpoint
            def sign_up(self, name):
                user = django_user_model.objects.create(username=name)
                channel = Channel.objects.create(name=name)
                channel.members.add(user)
                this.set_user_id(str(user.pk))
                assert this.user == user

        await client.subscribe("Mine")
        await client.call("sign_up", "eve")
        names = [each["name"] for each in client.collections["club.channel"].values()]
        assert names == ["eve"]

    @pytest.mark.parametrize("wrong", [5, "nobody", ["1"]])
    async def test_what_is_no_user(self, client, people, wrong, caplog):
        await client.call("login", people["ada"])
        with pytest.raises(MeteorError) as caught:
            await client.call("login", wrong)
        assert caught.value.error == 500
        assert await client.call("who") == [people["ada"], True]

    async def test_a_user_that_does_not_exist_is_nobody(self, client, people):
        await client.subscribe("Mine")
        await client.call("login", "123456")
        assert await client.call("who") == [None, False]

    async def test_only_in_methods(self, client, people, offer, caplog):
        @offer
        class Sly(Publication):
            def get_queries(self):
                this.set_user_id(people["root"])

        with pytest.raises(MeteorError):
            await client.subscribe("Sly")
        assert "outside of a method" in caplog.text

    async def test_a_subscription_that_fails_for_the_new_user(self, client, people, offer):
        @offer
        class NotForBob(Publication):
            def get_queries(self):
                if this.user_id == people["bob"]:
                    raise MeteorError("not-you")
                return [(Message.objects.all(), "messages")]

        subscription = await client.subscribe("NotForBob")
        kept = await client.subscribe("Mine")
        since = len(client.messages)
        await client.call("login", people["bob"])
        assert client.ended[subscription.id]["error"] == "not-you"
        assert texts(client, "messages") == []
        assert texts(client) == ["bob"]
        assert client.messages[since]["msg"] == "nosub"
        assert [m["subs"] for m in client.messages[since:] if m["msg"] == "ready"] == [[kept.id]]
        again = await client.subscribe("Everyones")
        assert texts(client, "messages") == ["ada", "bob"]
        await again.stop()


class TestImperative:
    async def test_is_stopped_and_runs_again(self, client, people, offer):
        stopped = []

        @offer
        class Greeting(Publication):
            async def publish(self, word):
                user_id = self.user_id
                self.on_stop(lambda: stopped.append((user_id, self.stopped)))
                self.added("greetings", "same", {"word": word})
                self.added("greetings", f"for {self.user.username}", {"word": word})
                self.ready()
                await asyncio.Event().wait()

        subscription = await client.subscribe("Greeting", "hi")
        since = len(client.messages)
        await client.call("login", people["ada"])
        assert set(client.collections["greetings"]) == {"same", "for ada"}
        expected = ["removed", "added", "ready", "updated", "result"]
        assert kinds(client, since) == expected
        await until(lambda: stopped == [(None, True)])
        await subscription.stop()
        assert client.collections["greetings"] == {}
        await until(lambda: stopped == [(None, True), (people["ada"], True)])

    async def test_one_that_ends_itself_meanwhile(self, client, people, offer):
        @offer
        class Anonymous(Publication):
            def publish(self):
                self.added("greetings", "a")
                self.ready()
                if self.user_id is not None:
                    self.stop()

        subscription = await client.subscribe("Anonymous")
        await client.call("login", people["ada"])
        assert client.ended[subscription.id] is None
        assert client.collections["greetings"] == {}

    async def test_one_that_becomes_ready_later(self, client, people, offer):
        waiting, go_on = [], threading.Event()

        @offer
        class Late(Publication):
            def publish(self):
                waiting.append(self)

        await client.send({"msg": "sub", "id": "1", "name": "Late"})
        since = len(client.messages)
        await client.call("login", people["ada"])
        assert kinds(client, since) == ["updated", "result"]
        old, new = waiting
        old.ready()
        old.added("greetings", "old")
        new.added("greetings", "new")
        new.ready()
        go_on.set()
        await client.wait_for(lambda: "1" in client.ready)
        assert set(client.collections["greetings"]) == {"new"}


class TestLosingTheConnection:
    async def test_while_subscriptions_run_again(self, hub, people, offer):
        begun, gate, stopped = threading.Event(), threading.Event(), []

        @offer
        class Slow(Publication):
            def get_queries(self):
                if this.user_id is not None:
                    begun.set()
                    assert gate.wait(20)
                return Message.objects.all()

        @offer
        class Beside(Publication):
            def publish(self):
                self.on_stop(lambda: stopped.append(1))

        async with InProcess(hub) as client:
            for name in ("Mine", "Slow"):
                await client.subscribe(name)
            await client.send({"msg": "sub", "id": "1", "name": "Beside"})
            await client.send({"msg": "method", "id": "1", "method": "login", "params": ["1"]})
            assert await asyncio.to_thread(begun.wait, 20)
        gate.set()
        await until(lambda: stopped == [1, 1])
        await until(lambda: not hub.engine.queries)
        assert hub.fences.outstanding() == []

    async def test_of_the_change_feed(self, hub, client, people):
        await client.call("login", people["ada"])
        await client.subscribe("Mine")
        async with outage(hub):
            await db(lambda: Message.objects.update(text="new"))
        await quiet(hub)
        assert texts(client) == ["new"]
