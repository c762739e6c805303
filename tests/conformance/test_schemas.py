"""The methods that tell of collections' fields, which no client has to know of."""

from __future__ import annotations

from dddp.exceptions import MeteorError
from tools.talking import Talk, method, names


async def test_one_collection(talk: Talk) -> None:
    heard = await talk.say(method("1", "/zoo.keyed/schema"))
    assert names(heard) == ["updated", "result"]
    assert heard[1]["result"] == {
        "value": {"type": "String", "label": "Value"},
    }


async def test_all_collections(talk: Talk) -> None:
    _, result = await talk.say(method("1", "/schema"))
    assert result["result"]["names"] == {"name": {"type": "String", "label": "Name", "max": 50}}
    assert "club.channel" not in result["result"]


async def test_nothing_of_what_only_users_see(talk: Talk) -> None:
    _, result = await talk.say(method("1", "/club.channel/schema"))
    assert result["error"] == MeteorError(403, "Access denied").as_wire()


async def test_no_parameters(talk: Talk) -> None:
    _, result = await talk.say(method("1", "/schema", "x"))
    assert result["error"] == MeteorError(400, "Match failed").as_wire()
