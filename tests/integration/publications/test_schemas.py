"""The methods that tell of collections' fields."""

import pytest

from club import ddp as club
from dddp.api import Collection, MeteorError, api_endpoint
from desk import ddp as desk
from desk.models import Label


async def test_one_collection(client):
    assert await client.call("/desk.task/schema") == desk.Task().schema()


async def test_all_collections(client, people):
    schemas = await client.call("/schema")
    assert schemas["desk.task"] == desk.Task().schema()
    assert "club.message" not in schemas
    await client.call("login", people["ada"])
    assert (await client.call("/schema"))["club.message"] == club.Message().schema()


async def test_what_is_users_only(client, people):
    with pytest.raises(MeteorError) as caught:
        await client.call("/club.message/schema")
    assert (caught.value.error, caught.value.reason) == (403, "Access denied")
    await client.call("login", people["ada"])
    assert await client.call("/club.message/schema") == club.Message().schema()


@pytest.mark.parametrize("name", ["/unknown/schema", "//schema", "schema", "/schema/schema"])
async def test_what_is_none(client, name):
    with pytest.raises(MeteorError) as caught:
        await client.call(name)
    assert caught.value.error == 404


async def test_one_of_ones_own_comes_first(client, offer):
    @offer
    class Labels(Collection):
        model = Label
        name = "labels"

        @api_endpoint
        def schema(self):
            return "mine"

    assert await client.call("/labels/schema") == "mine"


async def test_it_is_no_method_of_the_project(registry):
    assert registry.find_method("/schema") is not None
    assert [name for name in registry.methods() if name.endswith("schema")] == []
