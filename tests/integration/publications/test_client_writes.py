"""Who may write what: rules and users. What goes over the wire is in tests/conformance."""

import asyncio
import threading

import pytest
from django.db import transaction
from django.test import override_settings

from club import ddp as club
from club.models import Channel, Message
from dddp.api import MeteorError, writes
from desk import ddp as desk
from desk.models import Task
from tools.inprocess import InProcess, db


@pytest.fixture
def writable(offer):
    """Members write to the messages that they see."""

    @offer
    class Writable(club.Message):
        name = "writable"
        writable_fields = ["text", "channel"]
        asked = []

        def allow_insert(self, user, obj, fields):
            return obj.channel.members.filter(pk=user.pk).exists()

        def allow_update(self, user, obj, fields):
            self.asked.append((user.username, obj.text, dict(fields)))
            return True

        def allow_remove(self, user, obj):
            return obj.author == user

    return Writable


async def refused(client, *call):
    with pytest.raises(MeteorError) as caught:
        await client.call(*call)
    return caught.value


async def message_of(name):
    message = await db(lambda: Message.objects.get(author__username=name))
    return str(message.pk)


class TestVisibility:
    async def test_others_cannot_touch_what_they_do_not_see(self, client, people, writable):
        message = await message_of("ada")
        for user in (None, people["bob"]):
            await client.call("login", user)
            assert await client.call("/writable/update", message, {"$set": {"text": "x"}}) == 0
            assert await client.call("/writable/remove", message) == 0
        assert await db(lambda: Message.objects.get(author__username="ada").text) == "ada"
        assert writable.asked == []

    async def test_who_sees_may_write(self, client, people, writable):
        await client.call("login", people["ada"])
        message = await message_of("ada")
        assert await client.call("/writable/update", message, {"$set": {"text": "new"}}) == 1
        assert writable.asked == [("ada", "ada", {"text": "new"})]
        assert await client.call("/writable/remove", message) == 1
        assert await db(Message.objects.count) == 1

    async def test_what_is_hidden_while_one_waits(self, client, people, writable):
        await client.call("login", people["ada"])
        message = await message_of("ada")
        locked, go_on = threading.Event(), threading.Event()

        def hide():
            with transaction.atomic():
                Message.objects.filter(pk=message).update(
                    author=None, channel=Channel.objects.get(name="b")
                )
                locked.set()
                assert go_on.wait(20)

        hiding = asyncio.create_task(db(hide))
        assert await asyncio.to_thread(locked.wait, 20)
        updating = asyncio.create_task(
            client.call("/writable/update", message, {"$set": {"text": "late"}})
        )
        await db(wait_for_a_lock)
        go_on.set()
        await hiding
        assert await updating == 0
        assert await db(lambda: Message.objects.get(pk=message).text) == "ada"


def wait_for_a_lock():
    from django.db import connection

    with connection.cursor() as cursor:
        while True:
            cursor.execute(
                "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' "
                "AND datname = current_database()"
            )
            if cursor.fetchone() != (0,):
                return


class TestRules:
    async def test_know_the_user_and_the_object(self, client, people, writable):
        channel = str(await db(lambda: Channel.objects.get(name="a").pk))
        document = {"text": "new", "channel_id": channel}
        error = await refused(client, "/writable/insert", document)
        assert (error.error, error.reason) == (403, "Access denied")
        await client.call("login", people["bob"])
        assert (await refused(client, "/writable/insert", document)).error == 403
        await client.call("login", people["ada"])
        id = await client.call("/writable/insert", document)
        assert await db(lambda: Message.objects.get(pk=id).channel.name) == "a"

    async def test_a_relation_that_leads_nowhere_denies(self, client, people, writable, caplog):
        await client.call("login", people["ada"])
        document = {"text": "new", "channel_id": "12345"}
        assert (await refused(client, "/writable/insert", document)).error == 403
        assert "Writable.allow_insert failed" in caplog.text

    async def test_coroutines_deny(self, client, offer, caplog):
        @offer
        class Hasty(desk.Label):
            name = "hasty"
            anonymous_writes = True
            writable_fields = ["name"]

            async def allow_insert(self, user, obj, fields):
                return True

        assert (await refused(client, "/hasty/insert", {"name": "a"})).error == 403
        assert "must be a plain function" in caplog.text

    async def test_may_say_who_the_owner_is(self, client, people, offer):
        @offer
        class Owning(desk.Task):
            name = "owning"

            def allow_insert(self, user, obj, fields):
                obj.owner = user
                return True

        await client.call("login", people["ada"])
        await client.call("/owning/insert", {"text": "x"})
        assert await db(lambda: Task.objects.get().owner.username) == "ada"

    async def test_nobody_is_not_the_owner_of_what_nobody_owns(self, client, people, offer):
        @offer
        class Owned(desk.Task):
            name = "owned"
            anonymous_writes = False

        assert (await refused(client, "/owned/insert", {"text": "x"})).error == 403
        await client.call("login", people["ada"])
        id = await client.call("/owned/insert", {"text": "x"})
        await client.call("login", None)
        error = await refused(client, "/owned/update", id, {"$set": {"text": "y"}})
        assert (error.error, error.reason) == (403, "Access denied")
        assert (await refused(client, "/owned/remove", id)).error == 403

    async def test_denying_needs_an_allowing_one(self, client, offer):
        @offer
        class Locked(desk.Label):
            name = "locked"
            writable_fields = ["name"]

            def deny_insert(self, user, obj, fields):
                return False

        error = await refused(client, "/locked/insert", {"name": "a"})
        assert error.reason.endswith(
            "No allow validators set on restricted collection for method 'insert'."
        )


class TestSimulations:
    async def test_do_not_flicker(self, hub, offer, people):
        """Two clients, both of which insert before they hear from the server."""
        offer(desk.Task)
        offer(desk.Desk)
        async with InProcess(hub) as one, InProcess(hub) as two:
            for client in (one, two):
                await client.subscribe("Desk")
            calls = [
                client.call("/desk.task/insertAsync", {"_id": f"{number:017}", "text": "x"})
                for number, client in enumerate((one, two))
            ]
            assert await asyncio.gather(*calls) == [f"{number:017}" for number in range(2)]
            for client in (one, two):
                await client.wait_for(lambda c=client: len(c.collections["desk.task"]) == 2)
                assert "removed" not in [each["msg"] for each in client.messages]

    async def test_one_row_at_a_time(self, client, offer):
        """A failing write leaves nothing behind."""
        offer(desk.Task)
        await client.call("/desk.task/insert", {"_id": "a", "text": "x"})
        bad = {"$set": {"text": "y", "labels_ids": ["12345"]}}
        assert (await refused(client, "/desk.task/update", "a", bad)).error == 400
        assert await db(lambda: Task.objects.get().text) == "x"


class TestTheLog:
    async def test_has_no_values_of_what_the_database_refuses(
        self, client, offer, monkeypatch, caplog
    ):
        offer(desk.Task)
        monkeypatch.setattr(writes, "validate", lambda *arguments: None)
        document = {"text": "confidential", "hours": "-5"}
        assert (await refused(client, "/desk.task/insert", document)).error == 409
        assert "desk_task_hours" in caplog.text
        assert "confidential" not in caplog.text

    async def test_names_what_is_not_writable_and_under_debug_the_answer_too(
        self, client, offer, caplog
    ):
        caplog.set_level("INFO", "dddp.api")
        offer(desk.Task)
        document = {"text": "write", "reviewed": True}
        assert (await refused(client, "/desk.task/insert", document)).details is None
        assert "'reviewed' is not in `writable_fields` of desk.task" in caplog.text
        with override_settings(DEBUG=True):
            error = await refused(client, "/desk.task/insert", document)
        assert error.details == "'reviewed' is not in `writable_fields` of desk.task"


async def test_collections_without_rules_offer_no_methods():
    assert [name for name, _ in club.Message().api_endpoints() if "insert" in name] == []
