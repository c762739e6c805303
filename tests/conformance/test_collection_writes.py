"""Methods with which clients write to a collection; results and errors as Meteor 3 has them."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest

from dddp import ejson
from dddp.ejson import ObjectID
from dddp.exceptions import MeteorError
from dddp.random_stream import RandomStreams
from desk.models import Errand, Invoice, Label, Shelfmark, Task
from tools.serving import Watched
from tools.talking import Message, Talk, method, names, sub
from zoo.models import Departure, Keyed, Piece, Topic, Writer

SEED = "seed0123456789abcdef"
ID = "23456789ABCDEFGHJ"
DENIED = MeteorError(403, "Access denied").as_wire()
MATCH_FAILED = MeteorError(400, "Match failed").as_wire()
NO_REPLACE = MeteorError(
    403,
    "Access denied. In a restricted collection you can only update documents, not replace them. "
    "Use a Mongo update operator, such as '$set'.",
).as_wire()


async def answer(talk: Talk, name: str, *params: Any, seed: str | None = None) -> Message:
    """The `result` of a call."""
    call = method("1", name, *map(ejson.to_json, params))
    heard = await talk.say(call if seed is None else {**call, "randomSeed": seed})
    return {key: value for key, value in heard[-1].items() if key in ("result", "error")}


def denied(reason: str) -> Message:
    return {"error": MeteorError(403, reason).as_wire()}


def stub_id(collection: str) -> str:
    """What a client that has sent this seed has drawn."""
    return RandomStreams(SEED).for_collection(collection).id()


@pytest.fixture
def task(db_project: str) -> Task:
    return Task.objects.create(id=ID, text="write")


@pytest.fixture(params=["", "Async"])
def suffix(request: pytest.FixtureRequest) -> str:
    return str(request.param)


class TestInsert:
    async def test_gives_the_id(self, talk: Talk, suffix: str) -> None:
        found = await answer(talk, f"/desk.task/insert{suffix}", {"text": "write"})
        assert found == {"result": Task.objects.get().pk}
        assert len(found["result"]) == 17

    async def test_what_the_client_shows_already_stays(self, talk: Talk) -> None:
        await talk.say(sub("s", "Desk"))
        call = {**method("1", "/desk.task/insertAsync", {"text": "write"}), "randomSeed": SEED}
        added, updated, result = await talk.say(call)
        expected = stub_id("desk.task")
        assert (added["msg"], added["collection"], added["id"]) == ("added", "desk.task", expected)
        assert added["fields"]["text"] == "write"
        assert updated == {"msg": "updated", "methods": ["1"]}
        assert result == {"msg": "result", "id": "1", "result": expected}

    async def test_the_id_may_be_the_clients(self, talk: Talk, suffix: str) -> None:
        document = {"_id": ID, "text": "write"}
        assert await answer(talk, f"/desk.task/insert{suffix}", document) == {"result": ID}
        assert Task.objects.get().pk == ID

    async def test_an_id_that_exists(self, talk: Talk, task: Task) -> None:
        found = await answer(talk, "/desk.task/insert", {"_id": ID, "text": "other"})
        assert found == {"error": MeteorError(500, "Internal server error").as_wire()}
        assert Task.objects.get().text == "write"

    @pytest.mark.parametrize("id", ["", 5, None, {}, "x\0", "x" * 18])
    async def test_what_is_no_id(self, talk: Talk, id: Any) -> None:
        found = await answer(talk, "/desk.task/insert", {"_id": id, "text": "write"})
        assert found["error"]["error"] == 400
        assert "_id" in found["error"]["details"]

    async def test_a_child_has_the_id_too(self, talk: Talk) -> None:
        found = await answer(talk, "/desk.errand/insert", {"text": "buy"}, seed=SEED)
        assert found == {"result": stub_id("desk.errand")}
        assert Errand.objects.get().pk == stub_id("desk.errand")

    async def test_ids_of_the_database(self, talk: Talk) -> None:
        found = await answer(talk, "/zoo.departure/insert", {"label": "a"}, seed=SEED)
        assert found == {"result": str(Departure.objects.get().pk)}
        found = await answer(talk, "/zoo.departure/insert", {"_id": "77", "label": "a"})
        assert found == denied("Access denied. The server chooses the ids of this collection.")

    async def test_ids_beside_the_primary_key(self, talk: Talk) -> None:
        found = await answer(talk, "/desk.invoice/insert", {"title": "a"}, seed=SEED)
        assert found == {"result": stub_id("desk.invoice")}
        assert Invoice.objects.get().slug == stub_id("desk.invoice")
        found = await answer(talk, "/desk.invoice/insert", {"_id": ID, "title": "a"})
        assert found == {"result": ID}
        found = await answer(talk, "/desk.invoice/insert", {"_id": ID, "title": "b"})
        assert found == {"error": MeteorError(500, "Internal server error").as_wire()}
        for wrong in ("", 5, "x" * 18):
            found = await answer(talk, "/desk.invoice/insert", {"_id": wrong, "title": "b"})
            assert "_id" in found["error"]["details"]
        assert Invoice.objects.count() == 2

    async def test_keys_that_people_choose(self, talk: Talk) -> None:
        assert await answer(talk, "/desk.shelfmark/insert", {"_id": "A 1"}) == {"result": "A 1"}
        assert Shelfmark.objects.get().pk == "A 1"

    @pytest.mark.parametrize(
        "name", ["reviewed", "hidden", "id", "pk", "__class__", "toString", ""]
    )
    async def test_only_what_is_writable(self, talk: Talk, name: str) -> None:
        found = await answer(talk, "/desk.task/insert", {"text": "write", name: True})
        assert found == {"error": DENIED}
        assert not Task.objects.exists()

    @pytest.mark.parametrize("document", [None, 5, "x", [], [{"text": "x"}]])
    async def test_only_documents(self, talk: Talk, document: Any) -> None:
        assert await answer(talk, "/desk.task/insert", document) == {"error": MATCH_FAILED}

    async def test_denied_by_a_rule(self, talk: Talk) -> None:
        assert await answer(talk, "/desk.task/insert", {"text": "denied"}) == {"error": DENIED}

    async def test_a_broken_rule_denies(self, talk: Talk, server: Watched) -> None:
        server.expect_traceback("ValueError: a broken rule")
        found = await answer(talk, "/desk.task/insert", {"text": "break the rule"})
        assert found == {"error": DENIED}


class TestMethods:
    async def test_what_they_insert_has_the_clients_ids(self, talk: Talk) -> None:
        stream = RandomStreams(SEED).for_collection("desk.task")
        found = await answer(talk, "tasks/add", "write", seed=SEED)
        assert found["result"] == [stream.id() for _ in range(3)]
        assert set(Task.objects.values_list("pk", flat=True)) == set(found["result"])


class TestUpdate:
    async def test_sets_and_unsets(self, talk: Talk, task: Task, suffix: str) -> None:
        await talk.say(sub("s", "Desk"))
        modifier = {"$set": {"text": "rewrite", "hours": "1.50"}, "$unset": {"notes": ""}}
        heard = await talk.say(method("1", f"/desk.task/update{suffix}", {"_id": ID}, modifier))
        assert names(heard) == ["changed", "updated", "result"]
        assert heard[0]["fields"] == {"text": "rewrite", "hours": "1.50"}
        assert heard[-1]["result"] == 1

    async def test_by_the_id_itself(self, talk: Talk, task: Task) -> None:
        found = await answer(talk, "/desk.task/update", ID, {"$set": {"done": True}}, {})
        assert found == {"result": 1}
        assert Task.objects.get().done

    @pytest.mark.parametrize("id", ["unknown", "", 5, "x\0", ObjectID("0" * 24)])
    async def test_an_unknown_id(self, talk: Talk, id: Any) -> None:
        found = await answer(talk, "/desk.task/update", id, {"$set": {"done": True}})
        assert found == {"result": 0}

    @pytest.mark.parametrize(
        "selector",
        [{}, {"text": "write"}, {"_id": ID, "text": "write"}, {"_id": {"$ne": 0}}, [], None, True],
    )
    async def test_only_by_id(self, talk: Talk, task: Task, suffix: str, selector: Any) -> None:
        name = f"update{suffix}"
        found = await answer(talk, f"/desk.task/{name}", selector, {"$set": {"done": True}})
        assert found == denied(f"Not permitted. Untrusted code may only {name} documents by ID.")

    @pytest.mark.parametrize("modifier", [{}, {"text": "x"}, {"$set": {"done": True}, "text": "x"}])
    async def test_no_replacements(self, talk: Talk, task: Task, modifier: Any) -> None:
        assert await answer(talk, "/desk.task/update", ID, modifier) == {"error": NO_REPLACE}

    @pytest.mark.parametrize("operator", ["$inc", "$push", "$where", "$__class__"])
    async def test_no_other_operators(self, talk: Talk, task: Task, operator: str) -> None:
        found = await answer(talk, "/desk.task/update", ID, {operator: {"text": 1}})
        assert found == denied(
            f"Access denied. Operator {operator} not allowed in a restricted collection."
        )

    async def test_no_upserts(self, talk: Talk) -> None:
        modifier = {"$set": {"text": "x"}}
        found = await answer(talk, "/desk.task/update", ID, modifier, {"upsert": True})
        assert found == denied("Access denied. Upserts not allowed in a restricted collection.")
        assert not Task.objects.exists()

    @pytest.mark.parametrize(
        "params",
        [
            [None],
            ["text"],
            [{"$set": ["text"]}],
            [{"$set": None}],
            [{"$set": {"done": True}}, 5],
            [{"$set": {"done": True}, "$unset": {"done": True}}],
        ],
    )
    async def test_what_is_malformed(self, talk: Talk, task: Task, params: list[Any]) -> None:
        assert await answer(talk, "/desk.task/update", ID, *params) == {"error": MATCH_FAILED}

    @pytest.mark.parametrize("name", ["reviewed", "hidden", "id", "_id", "notes.a", "parent"])
    async def test_only_what_is_writable(self, talk: Talk, task: Task, name: str) -> None:
        for operator in ("$set", "$unset"):
            found = await answer(talk, "/desk.task/update", ID, {operator: {name: True}})
            assert found == {"error": DENIED}

    async def test_refused_by_rules(self, talk: Talk, task: Task) -> None:
        found = await answer(talk, "/desk.task/update", ID, {"$set": {"text": "refused"}})
        assert found == {"error": DENIED}
        Task.objects.update(text="never done")
        found = await answer(talk, "/desk.task/update", ID, {"$set": {"done": True}})
        assert found == {"error": DENIED}

    async def test_not_what_is_not_seen(self, talk: Talk, task: Task) -> None:
        Task.objects.update(hidden=True)
        found = await answer(talk, "/desk.task/update", ID, {"$set": {"done": True}})
        assert found == {"result": 0}
        assert not Task.objects.get().done


class TestRemove:
    async def test_gives_the_count(self, talk: Talk, task: Task, suffix: str) -> None:
        await talk.say(sub("s", "Desk"))
        heard = await talk.say(method("1", f"/desk.task/remove{suffix}", ID))
        assert names(heard) == ["removed", "updated", "result"]
        assert heard[-1]["result"] == 1
        assert await answer(talk, f"/desk.task/remove{suffix}", ID) == {"result": 0}

    async def test_only_by_id(self, talk: Talk, task: Task, suffix: str) -> None:
        found = await answer(talk, f"/desk.task/remove{suffix}", {})
        assert found == denied(
            f"Not permitted. Untrusted code may only remove{suffix} documents by ID."
        )
        assert Task.objects.exists()

    async def test_refused_by_a_rule(self, talk: Talk, task: Task) -> None:
        Task.objects.update(reviewed=True)
        assert await answer(talk, "/desk.task/remove", ID) == {"error": DENIED}

    async def test_not_what_is_not_seen(self, talk: Talk, task: Task) -> None:
        Task.objects.update(hidden=True)
        assert await answer(talk, "/desk.task/remove", ID) == {"result": 0}
        assert Task.objects.exists()

    async def test_not_what_others_refer_to(self, talk: Talk, task: Task) -> None:
        Task.objects.create(text="child", parent=task)
        found = await answer(talk, "/desk.task/remove", ID)
        assert found["error"]["error"] == 409


class TestRules:
    @pytest.mark.parametrize("kind", ["update", "remove"])
    async def test_none_for_this_kind(self, talk: Talk, kind: str, suffix: str) -> None:
        params = {"update": ["1", {"$set": {"title": "b"}}], "remove": ["1"]}[kind]
        found = await answer(talk, f"/desk.invoice/{kind}{suffix}", *params)
        assert found == denied(
            f"Access denied. No allow validators set on restricted collection for method "
            f"'{kind}{suffix}'."
        )

    @pytest.mark.parametrize(
        ("kind", "params"),
        [("insert", [{}]), ("update", ["a", {"$set": {"value": "x"}}]), ("remove", ["a"])],
    )
    async def test_none_at_all(self, talk: Talk, kind: str, params: list[Any], suffix: str) -> None:
        Keyed.objects.create(key="a")
        assert await answer(talk, f"/zoo.keyed/{kind}{suffix}", *params) == {"error": DENIED}
        assert Keyed.objects.get().value == ""

    @pytest.mark.parametrize("name", ["/unknown/insert", "/zoo.keyed/upsert", "zoo.keyed/insert"])
    async def test_other_names(self, talk: Talk, name: str) -> None:
        result, _ = await talk.say(method("1", name, {}))
        assert result["error"] == MeteorError(404, f"Method '{name}' not found").as_wire()


class TestValues:
    @pytest.mark.parametrize(
        ("name", "value", "stored"),
        [
            ("done", True, True),
            ("priority", 2, 2),
            ("hours", "2.50", dt.timedelta(hours=2.5) / dt.timedelta(hours=1)),
            ("hours", 2.5, 2.5),
            ("hours", None, None),
            ("day", "2024-02-29", dt.date(2024, 2, 29)),
            ("at", dt.datetime(2024, 1, 1, tzinfo=dt.UTC), dt.datetime(2024, 1, 1, tzinfo=dt.UTC)),
            ("notes", {"$date": 1, "b": [None, 1.5, "é😀"]}, {"$date": 1, "b": [None, 1.5, "é😀"]}),
            ("notes", [], []),
        ],
    )
    async def test_are_of_the_fields_types(
        self, talk: Talk, task: Task, name: str, value: Any, stored: Any
    ) -> None:
        found = await answer(talk, "/desk.task/update", ID, {"$set": {name: value}})
        assert found == {"result": 1}
        assert getattr(Task.objects.get(), name) == stored

    @pytest.mark.parametrize(
        ("name", "value"),
        [
            ("text", 5),
            ("text", None),
            ("text", ""),
            ("text", "x" * 21),
            ("text", "x\0"),
            ("text", "nonsense"),
            ("done", 1),
            ("done", "true"),
            ("priority", 3),
            ("priority", 1.5),
            ("priority", True),
            ("priority", 10**30),
            ("priority", float("nan")),
            ("priority", "1"),
            ("hours", "-1"),
            ("hours", "NaN"),
            ("hours", "1e999999999"),
            ("hours", "12345.67"),
            ("hours", "much"),
            ("day", "2023-02-29"),
            ("day", dt.datetime(2024, 1, 1, tzinfo=dt.UTC)),
            ("at", "2024-01-01"),
            ("notes", {"a": "\0"}),
            ("notes", [float("inf")]),
            ("notes", [b"x"]),
            ("owner_id", "12345"),
            ("owner_id", 1),
            ("owner_id", " 1"),
            ("parent_id", "unknown"),
            ("parent_id", {"$ne": 1}),
            ("labels_ids", "1"),
            ("labels_ids", ["12345"]),
            ("labels_ids", [None]),
        ],
    )
    async def test_others_are_refused(self, talk: Talk, task: Task, name: str, value: Any) -> None:
        found = await answer(talk, "/desk.task/update", ID, {"$set": {name: value}})
        assert found["error"]["error"] == 400
        (problem,) = found["error"]["details"]
        assert problem in (name, "__all__")
        assert Task.objects.get().text == "write"

    async def test_what_is_required(self, talk: Talk) -> None:
        found = await answer(talk, "/desk.task/insert", {"done": True})
        assert found["error"]["error"] == 400
        assert list(found["error"]["details"]) == ["text"]

    async def test_what_saving_refuses(self, talk: Talk) -> None:
        found = await answer(talk, "/desk.task/insert", {"text": "not today"})
        assert found["error"]["error"] == 400
        assert found["error"]["details"] == {"__all__": ["Not today."]}

    async def test_relations(self, talk: Talk, task: Task) -> None:
        ids = [str(Label.objects.create(name=name).pk) for name in "ab"]
        document = {"text": "child", "parent_id": ID, "labels_ids": ids}
        await talk.say(sub("s", "Desk"))
        heard = await talk.say(method("1", "/desk.task/insert", document))
        assert names(heard) == ["added", "updated", "result"]
        fields = heard[0]["fields"]
        assert (fields["parent_id"], fields["labels_ids"]) == (ID, ids)
        child = heard[-1]["result"]
        modifier = {"$set": {"labels_ids": ids[:1]}, "$unset": {"parent_id": True}}
        heard = await talk.say(method("2", "/desk.task/update", child, modifier))
        assert names(heard) == ["changed", "updated", "result"]
        assert heard[0]["fields"] == {"parent_id": None, "labels_ids": ids[:1]}


class TestIdsBesideThePrimaryKey:
    """Documents, and what refers to them, are known to clients by the same ids."""

    @pytest.fixture
    def writers(self, db_project: str) -> None:
        for name in ("ann", "ben"):
            Writer.objects.create(name=name, aid=name)
            Topic.objects.create(name=name, aid=name)

    async def test_references_come_back_as_they_were_sent(self, talk: Talk, writers: None) -> None:
        await talk.say(sub("s", "Pieces"))
        sent = {"title": "t", "author_id": "ann", "editor_id": "ben", "topics_ids": ["ben", "ann"]}
        call = {**method("1", "/zoo.piece/insert", sent), "randomSeed": SEED}
        added, _, result = await talk.say(call)
        expected = stub_id("zoo.piece")
        assert (added["id"], result["result"]) == (expected, expected)
        assert added["fields"] == {**sent, "topics_ids": ["ann", "ben"], "stars": 0}
        piece = Piece.objects.get(aid=expected)
        assert (piece.author.name, piece.editor.name, piece.pk) == ("ann", "ben", 1)

    async def test_update_and_remove_by_this_id(self, talk: Talk, writers: None) -> None:
        piece = Piece.objects.create(title="t", aid="mine")
        await talk.say(sub("s", "Pieces"))
        change = {"$set": {"author_id": "ben", "topics_ids": ["ann"]}}
        changed, _, result = await talk.say(method("1", "/zoo.piece/update", "mine", change))
        assert (changed["id"], result["result"]) == ("mine", 1)
        assert changed["fields"] == {"author_id": "ben", "topics_ids": ["ann"]}
        assert await answer(talk, "/zoo.piece/update", str(piece.pk), change) == {"result": 0}
        clear = {"$set": {"author_id": None}}
        assert await answer(talk, "/zoo.piece/update", "mine", clear) == {"result": 1}
        assert await answer(talk, "/zoo.piece/remove", str(piece.pk)) == {"result": 0}
        assert await answer(talk, "/zoo.piece/remove", {"_id": "mine"}) == {"result": 1}
        assert not Piece.objects.exists()

    @pytest.mark.parametrize(
        ("name", "value"),
        [
            *(("author_id", value) for value in ("nobody", "1", 1, "", ["ann"], {"$gt": ""})),
            *(("topics_ids", value) for value in (["nobody"], ["1"], "ann", [1], [["ann"]])),
        ],
    )
    async def test_what_nothing_has(self, talk: Talk, writers: None, name: str, value: Any) -> None:
        found = await answer(talk, "/zoo.piece/insert", {"title": "t", name: value})
        assert found["error"]["error"] == 400
        assert set(found["error"]["details"]) == {name}
        assert not Piece.objects.exists()

    @pytest.mark.parametrize("name", ["aid", "id", "author"])
    async def test_ids_cannot_be_written(self, talk: Talk, writers: None, name: str) -> None:
        Piece.objects.create(title="t", aid="mine")
        change = {"$set": {name: "ann"}}
        assert await answer(talk, "/zoo.piece/update", "mine", change) == {"error": DENIED}

    async def test_schema(self, talk: Talk) -> None:
        found = (await answer(talk, "/zoo.piece/schema"))["result"]
        assert set(found) == {"title", "stars", "author_id", "editor_id", "topics_ids"}
        assert found["author_id"]["relation"] == {"name": "author", "collection": "zoo.writer"}
