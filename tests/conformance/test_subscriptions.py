"""DDP 1, "Managing Data"; documents in several subscriptions as Meteor 3's merge box has them."""

from __future__ import annotations

import secrets
from typing import Any

import pytest

from dddp.exceptions import MeteorError
from tools.serving import Watched
from tools.talking import Message, Talk, method, names, sub, unsub
from zoo.models import Keyed


@pytest.fixture
def documents(db_project: str) -> list[Keyed]:
    return Keyed.objects.bulk_create(Keyed(key=key, value=key.upper()) for key in "abc")


def ready(*ids: str) -> Message:
    return {"msg": "ready", "subs": list(ids)}


def nosub(id: str, error: MeteorError | None = None) -> Message:
    message: Message = {"msg": "nosub", "id": id}
    return message if error is None else {**message, "error": error.as_wire()}


def added(id: str) -> Message:
    fields = {"value": id.upper()}
    return {"msg": "added", "collection": "zoo.keyed", "id": id, "fields": fields}


def removed(id: str) -> Message:
    return {"msg": "removed", "collection": "zoo.keyed", "id": id}


@pytest.mark.usefixtures("documents")
class TestLife:
    async def test_documents_then_ready(self, talk: Talk) -> None:
        assert await talk.say(sub("1", "AllKeyed")) == [
            added("a"),
            added("b"),
            added("c"),
            ready("1"),
        ]

    async def test_documents_go_in_their_order_then_nosub(self, talk: Talk) -> None:
        await talk.say(sub("1", "AllKeyed"))
        assert await talk.say(unsub("1")) == [
            removed("a"),
            removed("b"),
            removed("c"),
            nosub("1"),
        ]

    async def test_nothing_follows(self, talk: Talk) -> None:
        await talk.say(sub("1", "AllKeyed"), unsub("1"))
        assert names(await talk.say(method("1", "wire/put", "d", "D"))) == ["updated", "result"]

    async def test_parameters(self, talk: Talk) -> None:
        assert await talk.say(sub("1", "KeyedFrom", "c")) == [added("c"), ready("1")]

    async def test_one_after_the_other(self, talk: Talk) -> None:
        heard = await talk.say(*(sub(str(number), "AllKeyed") for number in range(5)))
        assert heard[3:] == [ready(str(number)) for number in range(5)]

    async def test_params_may_be_left_out(self, talk: Talk) -> None:
        heard = await talk.say({"msg": "sub", "id": "1", "name": "AllKeyed"})
        assert heard[-1] == ready("1")

    async def test_publishing_nothing(self, talk: Talk) -> None:
        assert await talk.say(sub("1", "Empty"), unsub("1")) == [ready("1"), nosub("1")]


@pytest.mark.usefixtures("documents")
class TestIdsOfSubscriptions:
    async def test_a_second_one_with_the_id_of_a_live_one_is_ignored(self, talk: Talk) -> None:
        await talk.say(sub("1", "KeyedFrom", "c"))
        assert await talk.say(sub("1", "KeyedFrom", "a")) == []
        assert await talk.say(sub("1", "Unknown")) == []
        assert await talk.say(unsub("1")) == [removed("c"), nosub("1")]

    async def test_free_again_after_unsub(self, talk: Talk) -> None:
        await talk.say(sub("1", "KeyedFrom", "c"))
        heard = await talk.say(unsub("1"), sub("1", "KeyedFrom", "b"))
        assert heard == [removed("c"), nosub("1"), added("b"), added("c"), ready("1")]

    async def test_free_again_after_an_error(self, talk: Talk) -> None:
        heard = await talk.say(sub("1", "Refused"), sub("1", "KeyedFrom", "c"))
        assert heard[1:] == [added("c"), ready("1")]

    @pytest.mark.parametrize("id", ["unknown", ""])
    async def test_ending_an_unknown_one(self, talk: Talk, id: str) -> None:
        assert await talk.say(unsub(id)) == [nosub(id)]

    async def test_ending_none(self, talk: Talk) -> None:
        assert await talk.say({"msg": "unsub"}) == [{"msg": "nosub"}]

    async def test_ending_twice(self, talk: Talk) -> None:
        await talk.say(sub("1", "AllKeyed"), unsub("1"))
        assert await talk.say(unsub("1")) == [nosub("1")]

    async def test_belong_to_their_connection(self, talk: Talk, other: Talk) -> None:
        await talk.say(sub("1", "AllKeyed"))
        assert await other.say(unsub("1")) == [nosub("1")]
        await other.client.call("wire/drop", "a")
        await talk.client.wait_for(lambda: "a" not in talk.client.collections["zoo.keyed"])

    async def test_ending_one_that_is_not_ready(self, talk: Talk, other: Talk) -> None:
        gate = secrets.token_hex()
        await talk.client.send(sub("1", "Gated", gate))
        await talk.client.send(unsub("1"))
        await other.client.call("wire/open_gate", gate)
        heard = await talk.say()
        assert heard[-1] == nosub("1")


class TestErrors:
    async def test_unknown(self, talk: Talk) -> None:
        error = MeteorError(404, "Subscription 'x' not found")
        assert await talk.say(sub("1", "x")) == [nosub("1", error)]

    async def test_for_clients(self, talk: Talk) -> None:
        error = MeteorError("members-only", "Not for you.", {"level": 3})
        assert await talk.say(sub("1", "Refused")) == [nosub("1", error)]

    @pytest.mark.parametrize(
        ("name", "logged"),
        [("Broken", "ValueError: secret text"), ("NoQueryset", "gives a int and not a queryset")],
    )
    async def test_others_stay_inside(
        self, talk: Talk, server: Watched, name: str, logged: str
    ) -> None:
        server.expect_traceback(logged)
        error = MeteorError(500, "Internal server error")
        assert await talk.say(sub("1", name)) == [nosub("1", error)]

    @pytest.mark.parametrize(
        ("name", "params"), [("AllKeyed", [1]), ("KeyedFrom", []), ("KeyedFrom", ["a", "b"])]
    )
    async def test_parameters_it_does_not_take(
        self, talk: Talk, name: str, params: list[Any]
    ) -> None:
        error = MeteorError(400, "Match failed")
        assert await talk.say(sub("1", name, *params)) == [nosub("1", error)]

    async def test_the_connection_goes_on(self, talk: Talk) -> None:
        assert names(await talk.say(sub("1", "Refused"), sub("2", "AllKeyed"))) == [
            "nosub",
            "ready",
        ]


@pytest.mark.usefixtures("documents")
class TestSeveralWithTheSameDocuments:
    async def test_documents_are_sent_once(self, talk: Talk) -> None:
        await talk.say(sub("1", "AllKeyed"))
        assert await talk.say(sub("2", "KeyedFrom", "b")) == [ready("2")]

    async def test_leaving_one_keeps_the_documents_of_the_other(self, talk: Talk) -> None:
        await talk.say(sub("1", "AllKeyed"), sub("2", "KeyedFrom", "b"))
        assert await talk.say(unsub("1")) == [removed("a"), nosub("1")]
        assert await talk.say(unsub("2")) == [removed("b"), removed("c"), nosub("2")]

    async def test_more_fields_are_a_change(self, talk: Talk) -> None:
        heard = await talk.say(sub("1", "KeysOnly"))
        bare = [{"msg": "added", "collection": "zoo.keyed", "id": key} for key in "abc"]
        assert sorted(heard[:-1], key=lambda message: str(message["id"])) == bare
        heard = await talk.say(sub("2", "KeyedFrom", "c"))
        changed = {"msg": "changed", "collection": "zoo.keyed", "id": "c"}
        assert heard == [{**changed, "fields": {"value": "C"}}, ready("2")]
        heard = await talk.say(unsub("2"))
        assert heard == [{**changed, "cleared": ["value"]}, nosub("2")]

    async def test_one_change_is_sent_once(self, talk: Talk) -> None:
        await talk.say(sub("1", "AllKeyed"), sub("2", "KeyedFrom", "b"), sub("3", "KeysOnly"))
        heard = await talk.say(method("1", "wire/put", "b", "new"))
        changed = {"msg": "changed", "collection": "zoo.keyed", "id": "b"}
        assert heard[0] == {**changed, "fields": {"value": "new"}}
        assert names(heard[1:]) == ["updated", "result"]

    async def test_a_change_of_nothing_is_not_sent(self, talk: Talk) -> None:
        await talk.say(sub("1", "AllKeyed"))
        assert names(await talk.say(method("1", "wire/put", "a", "A"))) == ["updated", "result"]


@pytest.mark.parametrize(
    ("key", "wire"),
    [
        ("plain", "plain"),
        ("-5", "--5"),
        ("-", "--"),
        ("~true", "-~true"),
        ("{}", "-{}"),
        ("0123456789abcdef01234567", "-0123456789abcdef01234567"),
        ("0123456789ABCDEF01234567", "0123456789ABCDEF01234567"),
        ("", ""),
        ('é"\\\n', 'é"\\\n'),
    ],
)
async def test_ids_of_documents(talk: Talk, key: str, wire: str) -> None:
    """Meteor 3: a string that could be taken for another kind of id is marked."""
    Keyed.objects.create(key=key, value="x")
    heard = await talk.say(sub("1", "AllKeyed"))
    assert [message["id"] for message in heard if message["msg"] == "added"] == [wire]
    assert list(talk.client.collections["zoo.keyed"]) == [key]
    heard = await talk.say(method("1", "wire/put", key, "y"), method("2", "wire/drop", key))
    ids = [(each["msg"], each["id"]) for each in heard if each["msg"] in ("changed", "removed")]
    assert ids == [("changed", wire), ("removed", wire)]
