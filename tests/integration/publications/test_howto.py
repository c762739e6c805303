"""The examples of docs/howto.md, run as they are printed there."""

import re
from pathlib import Path

import pytest

from bookstore.models import Author, Book
from dddp.api import MeteorError
from tools.inprocess import InProcess, db

GUIDE = Path(__file__).parents[3] / "docs" / "howto.md"


@pytest.fixture
def example(registry, monkeypatch):
    """Run the code block of the guide that has these words."""
    monkeypatch.setattr("dddp.api.API", registry)

    def run(words):
        blocks = re.findall(r"^```python\n(.*?)^```", GUIDE.read_text(), re.S | re.M)
        (block,) = [block for block in blocks if words in block]
        names = {}
        exec(compile(block, str(GUIDE), "exec"), names)
        return names

    return run


async def test_logging_in(client, example, django_user_model):
    example("class Accounts(")
    user = await db(lambda: django_user_model.objects.create_user("ada", password="x"))
    with pytest.raises(MeteorError, match="Wrong user name"):
        await client.call("accounts/login", "ada", "y")
    assert await client.call("accounts/login", "ada", "x") == str(user.pk)
    assert await client.call("who") == [str(user.pk), True]
    await client.call("accounts/logout")
    assert await client.call("who") == [None, False]


async def test_disk_space(client, example, django_user_model):
    example("class DiskSpace(")
    with pytest.raises(MeteorError, match="Staff only"):
        await client.subscribe("DiskSpace", "/")
    user = await db(lambda: django_user_model.objects.create(username="ada", is_staff=True))
    await client.call("login", str(user.pk))
    await client.subscribe("DiskSpace", "/")
    assert set(client.collections["disks"]["/"]) == {"total", "free"}


async def test_who_is_here(hub, client, example):
    names = example("class WhoIsHere(")
    await client.subscribe("WhoIsHere", "lobby")
    assert len(client.collections["present"]) == 1
    async with InProcess(hub) as other:
        await other.subscribe("WhoIsHere", "lobby")
        assert len(other.collections["present"]) == 2
        await client.wait_for(lambda: len(client.collections["present"]) == 2)
    await client.wait_for(lambda: len(client.collections["present"]) == 1)
    assert len(names["watchers"]["lobby"]) == 1


async def test_a_method_and_its_effect(client, example):
    author = await db(lambda: Author.objects.create(name="Jane", email="jane@example.com"))
    example('@API.method("books.add")')
    pk = await client.call("books.add", str(author.pk), {"title": "Emma", "pages": 300})
    assert (await db(lambda: Book.objects.get(pk=pk))).title == "Emma"
    refused = [
        ([str(author.pk), {"title": 5}], 400),
        (["999", {"title": "Persuasion", "pages": 1}], 404),
        ([str(author.pk), {"title": "x" * 1000, "pages": 1}], 400),
        ([str(author.pk), {"title": "Emma", "pages": 1}], "title-taken"),
    ]
    for params, code in refused:
        with pytest.raises(MeteorError) as caught:
            await client.call("books.add", *params)
        assert caught.value.error == code


async def test_a_method_that_takes_long(client, example):
    author = await db(lambda: Author.objects.create(name="Jane", email="jane@example.com"))
    example('@API.method("books.add")')
    example('@API.method("books.import"')
    assert await client.call("books.import", str(author.pk), ["Emma", "Persuasion"]) == 2
    assert await db(Book.objects.count) == 2


def test_watching_every_call(example, caplog):
    traced = example("def traced(")["traced"]
    with caplog.at_level("INFO", "calls"):
        assert traced(lambda a, b: a + b)(1, 2) == 3
    assert "<lambda>: 0." in caplog.text
