"""Methods that the server calls: within others, within publications, and by itself."""

import threading

import pytest
from django.contrib.auth import get_user_model
from django.db import transaction

from bookstore.models import Author
from dddp.api import MeteorError, Publication, this
from tools.inprocess import db


def add(name):
    Author.objects.create(name=name, email=f"{name}@example.com")
    return name


async def names():
    return await db(lambda: sorted(Author.objects.values_list("name", flat=True)))


@pytest.fixture
def offered(registry):
    """`add`, `add_and_fail`, `later`, `who`, `login`: what others call here."""

    @registry.method("add")
    def add_one(name: str):
        return add(name)

    @registry.method("add_and_fail")
    def add_and_fail(name):
        add(name)
        raise MeteorError("failed", "Because.")

    @registry.method("later")
    async def later(name):
        await Author.objects.acreate(name=name, email=f"{name}@example.com")
        return name

    @registry.method("who")
    def who():
        return [this.user_id, this.connection is not None]

    @registry.method("login")
    def login(user_id):
        this.set_user_id(user_id)

    @registry.method("call")
    def call(name, *params):
        return registry.call(name, *params)

    @registry.method("acall")
    async def acall(name, *params):
        return await registry.acall(name, *params)

    return registry


pytestmark = pytest.mark.usefixtures("offered")
BOTH = pytest.mark.parametrize("way", ["call", "acall"])


@BOTH
@pytest.mark.parametrize("inner", ["add", "later"])
class TestWithin:
    async def test_gives_its_result(self, client, way, inner):
        assert await client.call(way, inner, "a") == "a"
        assert await names() == ["a"]

    async def test_deeper(self, client, way, inner):
        assert await client.call(way, "acall", "call", "acall", inner, "a") == "a"

    async def test_is_undone_with_its_caller(self, registry, client, way, inner):
        if way == "call":

            @registry.method("outer")
            def outer():
                registry.call(inner, "a")
                raise MeteorError("failed")
        else:

            @registry.method("outer")
            async def outer():
                await registry.acall(inner, "a")
                raise MeteorError("failed")

        with pytest.raises(MeteorError):
            await client.call("outer")
        assert await names() == []


@BOTH
class TestErrors:
    async def test_are_raised_in_the_caller(self, client, way):
        with pytest.raises(MeteorError) as caught:
            await client.call(way, "add_and_fail", "a")
        assert (caught.value.error, caught.value.reason) == ("failed", "Because.")

    async def test_of_unknown_methods(self, client, way):
        with pytest.raises(MeteorError) as caught:
            await client.call(way, "nope")
        assert (caught.value.error, caught.value.reason) == (404, "Method 'nope' not found")

    async def test_of_wrong_types(self, client, way):
        with pytest.raises(MeteorError) as caught:
            await client.call(way, "add", 5)
        assert caught.value.error == 400
        assert caught.value.details["path"] == "params[0]"


class TestTransactions:
    async def test_a_failed_one_is_undone_and_its_caller_goes_on(self, registry, client):
        @registry.method("outer")
        def outer():
            add("outer")
            with pytest.raises(MeteorError):
                registry.call("add_and_fail", "inner")

        await client.call("outer")
        assert await names() == ["outer"]

    async def test_one_that_wants_none_is_part_of_its_callers(self, registry, client):
        @registry.method("inner", transaction=False)
        def inner():
            add("inner")

        @registry.method("outer")
        def outer():
            registry.call("inner")
            raise MeteorError("failed")

        with pytest.raises(MeteorError):
            await client.call("outer")
        assert await names() == []

    async def test_has_its_own_within_one_without(self, registry, client):
        @registry.method("outer", transaction=False)
        def outer():
            add("outer")
            registry.call("add_and_fail", "inner")

        with pytest.raises(MeteorError):
            await client.call("outer")
        assert await names() == ["outer"]


class TestThis:
    async def test_is_the_callers(self, client):
        user = await db(lambda: get_user_model().objects.create(username="ada"))
        await client.call("login", str(user.pk))
        assert await client.call("call", "who") == [str(user.pk), True]
        assert await client.call("acall", "who") == [str(user.pk), True]

    @BOTH
    async def test_may_log_the_client_in(self, client, way):
        user = await db(lambda: get_user_model().objects.create(username="ada"))
        await client.call(way, "login", str(user.pk))
        assert await client.call("who") == [str(user.pk), True]

    @BOTH
    @pytest.mark.parametrize("before", [True, False])
    async def test_a_failed_one_logs_nobody_in(self, registry, client, way, before):
        users = get_user_model().objects
        ada, eve = await db(lambda: [users.create(username=name) for name in ("ada", "eve")])
        mine = str(ada.pk) if before else None

        @registry.method("login_and_fail")
        def login_and_fail(user_id):
            this.set_user_id(user_id)
            raise MeteorError("failed")

        @registry.method("outer")
        def outer():
            if before:
                this.set_user_id(mine)
            with pytest.raises(MeteorError):
                registry.call(way, "login_and_fail", str(eve.pk))
            return this.user_id

        assert await client.call("outer") == mine
        assert await client.call("who") == [mine, True]

    async def test_is_the_callers_again_afterwards(self, registry, client):
        @registry.method("outer")
        def outer():
            mine = this.random_seed
            registry.call("who")
            return this.random_seed == mine

        assert await client.call("outer")

    async def test_in_publications(self, registry, client):
        registry.method("thread")(lambda: threading.current_thread().name)

        class Who(Publication):
            async def publish(self):
                self.added("who", "async", {"this": await registry.acall("who")})
                self.added("who", "thread", {"name": await registry.acall("thread")})
                self.ready()

        class Also(Publication):
            def publish(self):
                self.added("who", "sync", {"this": registry.call("who")})
                try:
                    registry.call("login", "1")
                except RuntimeError as error:
                    self.added("who", "login", {"error": str(error)})
                self.ready()

        registry.register([Who, Also])
        await client.subscribe("Who")
        await client.subscribe("Also")
        who = client.collections["who"]
        assert who["async"] == who["sync"] == {"this": [None, True]}
        assert who["thread"]["name"].startswith("dddp-user")
        assert "outside of a method called by a client" in who["login"]["error"]


class TestByTheServer:
    async def test_is_nobodys(self, hub, registry):
        assert await registry.acall("who") == [None, False]
        assert await db(registry.call, "who") == [None, False]

    async def test_has_a_transaction(self, hub, registry):
        with pytest.raises(MeteorError):
            await db(registry.call, "add_and_fail", "a")
        assert await db(registry.call, "later", "b") == "b"
        assert await names() == ["b"]

    async def test_is_part_of_a_transaction_around_it(self, hub, registry):
        def as_in_a_test_case():
            with transaction.atomic():
                with pytest.raises(MeteorError):
                    registry.call("add_and_fail", "a")
                registry.call("add", "b")
                found = [author.name for author in Author.objects.all()]
                transaction.set_rollback(True)
            return found

        assert await db(as_in_a_test_case) == ["b"]
        assert await names() == []

    async def test_logs_nobody_in(self, hub, registry):
        with pytest.raises(RuntimeError, match="on a server initiated method call"):
            await db(registry.call, "login", "1")

    async def test_may_unblock(self, hub, registry):
        registry.method("unblocking")(lambda: this.unblock())
        assert await db(registry.call, "unblocking") is None
