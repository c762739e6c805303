"""A Meteor front end on this server, as the wire shows it; its pages are in tests/browser."""

from __future__ import annotations

import asyncio
import re
import urllib.request

import pytest

from tools.meteor_bundle import App, config_of
from tools.talking import Talk, names, sub

VERSIONS = "meteor_autoupdate_clientVersions"
READY = {"msg": "ready", "subs": ["1"]}


@pytest.fixture
def meteor(start_server, tmp_path):
    """A server with a bundle."""
    return start_server(settings={"DDP_METEOR_BUNDLE": str(App().write(tmp_path))})


def read(url):
    with urllib.request.urlopen(url) as response:
        return response.read()


async def test_without_a_bundle_there_are_no_versions(server, ddp):
    talk = Talk(await ddp())
    assert await talk.say(sub("1", VERSIONS)) == [READY]


async def test_only_a_string_is_an_app_id(server, ddp):
    talk = Talk(await ddp())
    (refusal,) = await talk.say(sub("1", VERSIONS, 5))
    assert refusal["msg"] == "nosub"
    assert (refusal["error"]["error"], refusal["error"]["reason"]) == (400, "Match failed")


async def test_versions_are_those_of_the_pages(meteor, ddp):
    config = config_of(await asyncio.to_thread(read, f"{meteor.url}shop/"))
    url = config["DDP_DEFAULT_CONNECTION_URL"].replace("http", "ws") + "websocket"
    for params in ([], [None], ["shop1234"]):
        client = await ddp(url)
        await client.subscribe(VERSIONS, *params)
        await client.wait_for(lambda client=client: len(client.collections[VERSIONS]) == 2)
        assert [m["msg"] for m in client.messages] == ["connected", "ready", "added", "added"]
        documents = client.collections[VERSIONS]
        for arch, versions in config["autoupdate"]["versions"].items():
            (asset,) = documents[arch]["assets"]
            assert re.fullmatch(r"/shop/\w+\.css\?meteor_css_resource=true", asset["url"])
            assert documents[arch] == {**versions, "assets": [asset]}


async def test_another_app_at_the_same_address_hears_nothing(meteor, ddp):
    talk = Talk(await ddp(meteor.ws_url))
    assert names(await talk.say(sub("1", VERSIONS, "another"))) == ["ready"]
