"""The first n of what a relation leads to: only results that can have changed are run again."""

import pytest
from django.db.models import Count

from tools.inprocess import db, quiet
from zoo.models import Channel, Member, Message

NAMES = ("ann", "ben", "cid")


def messages_of(name):
    return Message.objects.filter(author__name=name).order_by("-stars", "pk")


KINDS = {
    "first": lambda name: messages_of(name)[:1],
    "distinct": lambda name: messages_of(name).distinct()[:1],
    "annotated": lambda name: messages_of(name).annotate(n=Count("labels"))[:1],
    "either": lambda name: (messages_of(name) | Message.objects.filter(text=name))[:1],
}


def write():
    """Two messages of each author, of which the first is shown."""
    red = Channel.objects.create(name="red")
    for name in NAMES:
        author = Member.objects.create(name=name, level=1)
        for stars in (2, 1):
            Message.objects.create(channel=red, author=author, stars=stars, text=str(stars))


@pytest.fixture
def results_run(hub):
    """How many whole results each question was about."""
    asker, found = hub.engine._asker, []
    ask = asker._ask

    async def noted(question):
        if question.starts is None:
            found.append(max(len(question.members), *map(len, question.terms or ()), 0))
        return await ask(question)

    asker._ask = noted
    return found


async def subscribe(client, show, kind):
    for name in NAMES:
        show(name, KINDS[kind](name))
        await client.subscribe("Shown", name)


def stars(client):
    return sorted(each["stars"] for each in client.collections["zoo.message"].values())


@pytest.mark.parametrize("kind", KINDS)
async def test_a_document_that_comes_in_concerns_one_result(hub, client, show, results_run, kind):
    await db(write)
    await subscribe(client, show, kind)
    await db(lambda: messages_of("ben").filter(stars=1).update(stars=3))
    await quiet(hub)
    assert stars(client) == [2, 2, 3]
    assert results_run == [1]


@pytest.mark.parametrize("kind", KINDS)
async def test_a_document_that_leaves_makes_room_for_the_next(hub, client, show, results_run, kind):
    await db(write)
    await subscribe(client, show, kind)
    await db(lambda: messages_of("ben").filter(stars=2).delete())
    await quiet(hub)
    assert stars(client) == [1, 2, 2]
    assert set(results_run) == {1}


async def test_what_nobody_can_see_runs_nothing(hub, client, show, results_run):
    await db(write)
    await subscribe(client, show, "first")
    await db(lambda: Member.objects.create(name="dan", level=1))
    dan = await db(lambda: Member.objects.get(name="dan"))
    red = await db(Channel.objects.get)
    await db(lambda: Message.objects.create(channel=red, author=dan, stars=9, text="x"))
    await quiet(hub)
    assert stars(client) == [2, 2, 2]
    assert results_run == []


async def test_a_document_before_an_offset_moves_all_behind_it(hub, client, show):
    """It is in no result, so nobody but the whole query knows that it has left."""
    await db(write)
    show("second", messages_of("ben")[1:2])
    await client.subscribe("Shown", "second")
    assert stars(client) == [1]
    await db(lambda: messages_of("ben").filter(stars=2).delete())
    await quiet(hub)
    assert stars(client) == []
