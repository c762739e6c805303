"""One document from several queries of a client, and from queries that are unions themselves."""

import asyncio
import random

from django.db.models.functions import Length

from tools.inprocess import db, quiet
from zoo.models import Person, Specimen

ROUNDS = 60
QUERYSETS = {
    "names": Specimen.objects.filter(number__lt=3).only("text", "number"),
    "flags": Specimen.objects.filter(flag=True).only("flag", "number"),
    "asked": Specimen.objects.filter(text__iexact="a").only("small").annotate(n=Length("text")),
    "few": Specimen.objects.order_by("number", "pk").only("big", "text")[:2],
}
FIELDS = {
    "names": ("text", "number"),
    "flags": ("flag", "number"),
    "asked": ("small", "n"),
    "few": ("big", "text"),
}


def write(rng):
    for _ in range(6):
        values = {
            "text": rng.choice("aAb"),
            "number": rng.randint(0, 5),
            "flag": rng.random() < 0.5,
            "small": rng.randint(0, 2),
            "big": rng.randint(0, 2),
        }
        some = Specimen.objects.filter(number=rng.randint(0, 5))
        kind = rng.random()
        if kind < 0.4:
            Specimen.objects.create(**values)
        elif kind < 0.8:
            name = rng.choice(list(values))
            some.update(**{name: values[name]})
        else:
            some.delete()


def wanted(names):
    documents = {}
    for name in names:
        for row in QUERYSETS[name].all():
            document = documents.setdefault(str(row.pk), {})
            document.update({field: getattr(row, field) for field in FIELDS[name]})
    return documents


async def test_fields_come_and_go_with_the_queries_that_have_them(hub, client, show):
    """Decided by Python, asked of PostgreSQL, annotated and sliced, while others write."""
    rng = random.Random(3)
    for name, queryset in QUERYSETS.items():
        show(name, queryset)
    subscribed = {}
    for number in range(ROUNDS):
        if subscribed and rng.random() < 0.4:
            await subscribed.pop(rng.choice(list(subscribed))).stop()
        name = rng.choice(list(QUERYSETS))
        writing = asyncio.create_task(db(write, random.Random(number)))
        if name not in subscribed:
            subscribed[name] = await client.subscribe("Shown", name)
        await writing
        await quiet(hub)
        expected = await db(wanted, list(subscribed))
        assert client.collections["zoo.specimen"] == expected, (number, list(subscribed))


async def test_many_to_many_ids_of_a_union_with_selected_relations(client, show):
    def make():
        boss = Person.objects.create(name="B")
        person = Person.objects.create(name="P", boss=boss)
        return person, person.tags.create(name="x")

    person, tag = await db(make)
    related = Person.objects.select_related("boss")
    show("q", related.filter(name="P").union(related.filter(name="Q")))
    await client.subscribe("Shown", "q")
    fields = client.collections["zoo.person"][str(person.pk)]
    assert fields == {"name": "P", "boss_id": str(person.boss_id), "tags_ids": [str(tag.pk)]}
