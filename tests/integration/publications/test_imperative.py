"""Publications that say themselves what there is."""

import asyncio
import datetime as dt
import threading

import pytest

from dddp.api import MeteorError, Publication, this
from dddp.exceptions import SubscriptionEnded
from dddp.session import imperative
from tools.feed import until
from tools.inprocess import InProcess, all_taken

SECONDS = 20


def messages(client, *kinds):
    return [each for each in client.messages if each["msg"] in kinds]


async def refusal(client, *args):
    with pytest.raises(MeteorError) as caught:
        await client.subscribe(*args)
    return caught.value


class Handed(Publication):
    """Hands its instance to the test."""

    given: list = []

    def publish(self, *params):
        self.ready()
        self.given.append(self)


@pytest.fixture
async def handed(client, offer):
    """A subscription of the client that the test publishes to: (instance, subscription)."""
    offer(Handed)
    Handed.given.clear()
    subscription = await client.subscribe("Handed", 1, "two")
    await until(lambda: Handed.given)
    return Handed.given[0], subscription


class TestDocuments:
    async def test_come_before_ready(self, client, offer):
        @offer
        class Weather(Publication):
            def publish(self, city):
                self.added("weather", 1, {"city": city, "degrees": 20})
                self.changed("weather", "1", {"degrees": 21})
                self.ready()

        await client.subscribe("Weather", "Oslo")
        assert client.collections["weather"] == {"1": {"city": "Oslo", "degrees": 21}}
        kinds = [each["msg"] for each in messages(client, "added", "changed", "ready")]
        assert kinds == ["added", "changed", "ready"]

    async def test_of_a_coroutine(self, client, offer):
        changed = asyncio.Event()

        @offer
        class Weather(Publication):
            async def publish(self):
                self.added("weather", "a", {"degrees": 20})
                self.ready()
                await changed.wait()
                self.removed("weather", "a")

        await client.subscribe("Weather")
        assert client.collections["weather"] == {"a": {"degrees": 20}}
        changed.set()
        await client.wait_for(lambda: not client.collections["weather"])

    async def test_change_later_from_any_thread(self, client, handed):
        weather, _ = handed
        await asyncio.to_thread(weather.added, "weather", "a", {"n": 0, "gone": 1})
        weather.changed("weather", "a", {"n": 1}, cleared=["gone"])
        await client.wait_for(lambda: client.collections["weather"] == {"a": {"n": 1}})

    async def test_keep_their_order_from_a_thread(self, client, handed):
        weather, _ = handed

        def count():
            weather.added("n", "a", {"n": 0})
            for n in range(1, 3000):
                weather.changed("n", "a", {"n": n})

        await asyncio.to_thread(count)
        await client.wait_for(lambda: client.collections["n"]["a"]["n"] == 2999)
        seen = [each["fields"]["n"] for each in messages(client, "added", "changed")]
        assert seen == list(range(3000))

    async def test_no_change_is_not_told(self, client, handed):
        weather, subscription = handed
        weather.added("weather", "a", {"n": 1, "_id": "x"})
        weather.changed("weather", "a", {"n": 1}, cleared=["nothing"])
        weather.changed("weather", "a")
        weather.added("weather", "a", {"n": 1})
        await subscription.stop()
        assert [each["msg"] for each in client.messages[2:]] == ["added", "removed", "nosub"]
        assert messages(client, "added")[0]["fields"] == {"n": 1}

    async def test_mistakes_are_raised_where_they_are_made(self, client, handed):
        weather, _ = handed
        for call in (
            lambda: weather.changed("weather", "a", {"n": 1}),
            lambda: weather.removed("weather", "a"),
        ):
            with pytest.raises(KeyError, match="weather has no document"):
                call()
            with pytest.raises(KeyError, match="weather has no document"):
                await asyncio.to_thread(call)
        for fields in ({"n": object()}, {1: 2}):
            with pytest.raises(TypeError):
                weather.added("weather", "a", fields)
        assert not client.collections["weather"]

    async def test_are_removed_with_the_subscription(self, client, handed):
        weather, subscription = handed
        weather.added("weather", "a", {"n": 1})
        weather.added("cities", "b")
        await subscription.stop()
        assert not client.collections["weather"]
        assert not client.collections["cities"]
        assert weather.stopped

    async def test_are_each_clients_own(self, hub, client, offer):
        @offer
        class Mine(Publication):
            def publish(self, value):
                self.added("mine", "a", {"value": value})
                self.ready()

        async with InProcess(hub) as other:
            await client.subscribe("Mine", 1)
            await other.subscribe("Mine", 2)
            assert client.collections["mine"] == {"a": {"value": 1}}
            assert other.collections["mine"] == {"a": {"value": 2}}


class TestMerging:
    @pytest.fixture
    async def two(self, client, offer):
        offer(Handed)
        Handed.given.clear()
        first, second = await client.subscribe("Handed"), await client.subscribe("Handed")
        await until(lambda: len(Handed.given) == 2)
        return [*Handed.given, first, second]

    async def test_the_first_gives_the_value_until_it_ends(self, client, two):
        one, other, first, _ = two
        one.added("weather", "a", {"n": 1, "x": 0})
        other.added("weather", "a", {"n": 2, "y": 0})
        await all_taken(client._hub)
        assert client.collections["weather"]["a"] == {"n": 1, "x": 0, "y": 0}
        assert messages(client, "changed")[-1]["fields"] == {"y": 0}
        await first.stop()
        assert client.collections["weather"]["a"] == {"n": 2, "y": 0}
        last = messages(client, "changed")[-1]
        assert (last["fields"], last["cleared"]) == ({"n": 2}, ["x"])

    async def test_a_field_cleared_by_the_first_is_the_seconds(self, client, two):
        one, other, _, _ = two
        one.added("weather", "a", {"n": 1})
        other.added("weather", "a", {"n": 2})
        one.changed("weather", "a", cleared=["n"])
        await all_taken(client._hub)
        assert client.collections["weather"]["a"] == {"n": 2}
        other.removed("weather", "a")
        one.removed("weather", "a")
        await client.wait_for(lambda: not client.collections["weather"])

    async def test_with_rows(self, client, offer, handed):
        from zoo.models import Keyed

        @offer
        class Rows(Publication):
            queries = Keyed.objects.all()

        Keyed.objects.create(key="a", value="v")
        subscription = await client.subscribe("Rows")
        handed[0].added("zoo.keyed", "a", {"value": "other", "online": True})
        await all_taken(client._hub)
        assert client.collections["zoo.keyed"]["a"] == {"value": "v", "online": True}
        await subscription.stop()
        assert client.collections["zoo.keyed"]["a"] == {"value": "other", "online": True}


class TestEnding:
    async def test_with_an_error_after_ready(self, client, handed):
        weather, subscription = handed
        weather.added("weather", "a")
        await asyncio.to_thread(weather.error, MeteorError("late", "Too late."))
        await client.wait_for(lambda: subscription.id in client.ended)
        assert client.ended[subscription.id]["error"] == "late"
        assert [each["msg"] for each in client.messages[-2:]] == ["removed", "nosub"]
        weather.added("weather", "b")
        await all_taken(client._hub)
        assert not client.collections["weather"]

    async def test_by_itself(self, client, handed):
        weather, subscription = handed
        weather.added("weather", "a")
        weather.stop()
        await client.wait_for(lambda: subscription.id in client.ended)
        assert client.ended[subscription.id] is None
        assert not client.collections["weather"]

    @pytest.mark.parametrize("kind", [ValueError, SystemExit])
    async def test_an_exception(self, client, offer, caplog, kind):
        @offer
        class Broken(Publication):
            def publish(self):
                self.added("weather", "a")
                raise kind("a secret")

        @offer
        class BrokenLater(Publication):
            async def publish(self):
                self.added("weather", "a")
                await asyncio.sleep(0)
                raise kind("a secret")

        for name in ("Broken", "BrokenLater"):
            error = await refusal(client, name)
            assert (error.error, error.reason) == (500, "Internal server error")
        assert not client.collections["weather"]
        assert "a secret" in caplog.text

    async def test_an_error_for_the_client(self, client, offer):
        @offer
        class Refused(Publication):
            def publish(self):
                raise MeteorError("no", "Because.", {"a": 1})

        assert (await refusal(client, "Refused")).details == {"a": 1}

    async def test_parameters_that_do_not_fit(self, client, offer):
        @offer
        class One(Publication):
            def publish(self, one):
                self.ready()

        assert (await refusal(client, "One")).reason == "Match failed"
        await client.subscribe("One", 1)

    async def test_a_returned_value_is_a_mistake(self, client, offer, caplog):
        @offer
        class Returns(Publication):
            def publish(self):
                return []

        assert (await refusal(client, "Returns")).error == 500
        assert "get_queries() returns querysets" in caplog.text


class TestOnStop:
    async def test_called_when_unsubscribed(self, hub, client, handed):
        weather, subscription = handed
        heard = []

        async def later():
            heard.append(asyncio.get_running_loop())

        weather.on_stop(lambda: heard.append((threading.current_thread().name, this.user_id)))
        weather.on_stop(later)
        await subscription.stop()
        await until(lambda: len(heard) == 2)
        assert heard[0][0].startswith("dddp-user")
        assert heard[1] is asyncio.get_running_loop()

    async def test_called_when_the_connection_is_lost(self, hub, offer):
        offer(Handed)
        Handed.given.clear()
        heard = threading.Event()
        async with InProcess(hub) as client:
            await client.subscribe("Handed")
            await until(lambda: Handed.given)
            Handed.given[0].on_stop(heard.set)
        assert await asyncio.to_thread(heard.wait, SECONDS)

    async def test_called_when_the_server_stops(self, hub, client, handed):
        heard = []
        handed[0].on_stop(lambda: heard.append(1))
        await hub.stop()
        assert heard == [1]

    async def test_called_after_the_end(self, client, handed):
        weather, subscription = handed
        await subscription.stop()
        heard = []
        await until(lambda: not client._hub._finishing)
        weather.on_stop(lambda: heard.append(1))
        await until(lambda: heard)

    async def test_one_that_fails_does_not_keep_others_from_it(self, client, handed, caplog):
        weather, subscription = handed
        heard = []
        weather.on_stop(lambda: 1 / 0)
        weather.on_stop(lambda: heard.append(1))
        await subscription.stop()
        await until(lambda: heard)
        assert "ZeroDivisionError" in caplog.text


class TestTheQueue:
    async def test_a_coroutine_goes_on_beside_it_once_ready(self, client, offer):
        ended = asyncio.Event()

        @offer
        class Ticking(Publication):
            async def publish(self):
                self.ready()
                try:
                    await asyncio.Event().wait()
                finally:
                    ended.set()

        subscription = await client.subscribe("Ticking")
        assert await client.call("who") == [None, False]
        await subscription.stop()
        await ended.wait()

    async def test_goes_on_behind_a_function_that_never_was_ready(self, client, offer):
        @offer
        class Never(Publication):
            def publish(self):
                self.added("weather", "a")

        await client.send({"msg": "sub", "id": "1", "name": "Never"})
        assert await client.call("who") == [None, False]
        assert client.collections["weather"] == {"a": {}}
        assert "1" not in client.ready

    @pytest.mark.parametrize("kind", ["function", "coroutine"])
    async def test_goes_on_when_unblocked(self, client, offer, kind):
        gate = threading.Event()

        class Slow(Publication):
            def publish(self):
                this.unblock()
                gate.wait(SECONDS)
                self.ready()

        class SlowCoroutine(Publication):
            async def publish(self):
                this.unblock()
                await asyncio.to_thread(gate.wait, SECONDS)
                self.ready()

        name = offer({"function": Slow, "coroutine": SlowCoroutine}[kind]).__name__
        await client.send({"msg": "sub", "id": "1", "name": name})
        assert await client.call("who") == [None, False]
        assert "1" not in client.ready
        gate.set()
        await until(lambda: "1" in client.ready)

    async def test_does_not_wait_for_ever(self, client, offer, monkeypatch, caplog):
        monkeypatch.setattr(imperative, "READY_SECONDS", 0.05)

        @offer
        class Hanging(Publication):
            async def publish(self):
                await asyncio.Event().wait()

        await client.send({"msg": "sub", "id": "1", "name": "Hanging"})
        assert await client.call("who") == [None, False]
        assert "neither called ready() nor returned" in caplog.text

    async def test_a_loop_ends_with_its_subscription(self, client, offer):
        left = threading.Event()

        @offer
        class Endless(Publication):
            def publish(self):
                self.added("n", "a", {"n": 0})
                self.ready()
                try:
                    for n in range(10**9):
                        self.changed("n", "a", {"n": n})
                except SubscriptionEnded:
                    left.set()
                    raise

        subscription = await client.subscribe("Endless")
        await subscription.stop()
        assert await asyncio.to_thread(left.wait, SECONDS)


class TestWhoIsAsking:
    async def test_self_is_the_subscription(self, client, handed):
        weather, _ = handed
        assert weather.params == [1, "two"]
        assert weather.user_id is None
        assert not weather.user.is_authenticated
        assert weather.connection is client.server.connection

    async def test_parameters_are_converted(self, client, offer):
        @offer
        class Typed(Publication):
            async def publish(self, day: dt.date):
                self.added("days", "a", {"year": day.year, "params": self.params})
                self.ready()

        await client.subscribe("Typed", "2024-01-02")
        assert client.collections["days"]["a"] == {"year": 2024, "params": ["2024-01-02"]}
        with pytest.raises(MeteorError) as caught:
            await client.subscribe("Typed", "tomorrow")
        assert (caught.value.error, caught.value.details["path"]) == (400, "params[0]")

    async def test_this_is_known_too(self, client, offer):
        @offer
        class Both(Publication):
            async def publish(self):
                self.added("who", "a", {"id": this.user_id, "user": this.user.is_authenticated})
                self.ready()

        await client.subscribe("Both")
        assert client.collections["who"]["a"] == {"id": None, "user": False}


async def test_a_client_that_does_not_read_is_closed(hub, offer, monkeypatch):
    """What it is sent is bounded, however much its publisher says."""
    from dddp.conf import conf
    from dddp.session.info import ConnectionInfo

    @offer
    class Flood(Publication):
        def publish(self):
            for n in range(10**6):
                self.added("flood", n, {"text": "x" * 1000})

    monkeypatch.setattr(conf, "outbox_bytes", 200_000)
    session = hub.open(ConnectionInfo())
    await session.receive('{"msg":"connect","version":"1","support":["1"]}')
    await session.receive('{"msg":"sub","id":"1","name":"Flood"}')
    await until(lambda: session.outbox.closed)
    assert session.outbox.close_code == 1013
    await until(lambda: not len(hub.sessions) and not hub._finishing)
