"""Every kind of column on the wire: the same from the first result and from a change."""

import datetime as dt
import math
import uuid
from decimal import Decimal

import pytest

from tools.inprocess import InProcess, db, quiet, sql
from zoo.models import Keyed, Person, Specimen, Tag, Ticket

MOMENT = dt.datetime(2026, 3, 4, 5, 6, 7, 891234, tzinfo=dt.UTC)
IN_MILLISECONDS = MOMENT.replace(microsecond=891000)

VALUES = [
    ("text", 'naïve "text" \\ \n\t 𝒳', None),
    ("text", "", None),
    ("short", "null", None),
    ("number", -2147483648, None),
    ("big", 2**53 + 1, None),
    ("small", 0, None),
    ("exact", Decimal("1234567890123456.7890"), "1234567890123456.7890"),
    ("exact", Decimal("1E+3"), "1000.0000"),
    ("real", 0.1, None),
    ("real", 1e300, None),
    ("real", math.inf, None),
    ("real", -math.inf, None),
    ("flag", False, None),
    ("day", dt.date(2026, 2, 28), "2026-02-28"),
    ("clock", dt.time(23, 59, 59, 5), "23:59:59.000005"),
    ("moment", MOMENT, IN_MILLISECONDS),
    ("moment", dt.datetime(1, 1, 1, tzinfo=dt.UTC), None),
    ("moment", dt.datetime(1969, 12, 31, 23, 59, 59, tzinfo=dt.UTC), None),
    ("span", dt.timedelta(days=1, hours=2, microseconds=3), "P1DT02H00M00.000003S"),
    ("span", dt.timedelta(seconds=-1), "-P0DT00H00M01S"),
    ("token_id", uuid.UUID(int=5), str(uuid.UUID(int=5))),
    ("raw", b"\x00\xff\\x", None),
    ("tree", {"$date": 5}, None),
    ("tree", {"a": [1, 2.5, None, {"$type": "x", "$value": 1}]}, None),
    ("tree", [], None),
    ("tree", "text", None),
    ("names", ["a", None, 'b"c'], None),
    ("numbers", [Decimal("1.50"), Decimal("2.00")], ["1.50", "2.00"]),
    ("pages", (1, 5), {"lower": 1, "upper": 5, "bounds": "[)"}),
    ("pages", (None, 5), {"lower": None, "upper": 5, "bounds": "()"}),
    (
        "open_hours",
        (dt.datetime(2026, 1, 1, tzinfo=dt.UTC), None),
        {"lower": dt.datetime(2026, 1, 1, tzinfo=dt.UTC), "upper": None, "bounds": "[)"},
    ),
    ("address", "10.0.0.1", "10.0.0.1"),
    ("paper", "papers/a.pdf", None),
]


@pytest.mark.parametrize(("name", "value", "on_the_wire"), VALUES)
async def test_a_value_arrives_the_same_both_ways(hub, client, show, name, value, on_the_wire):
    show("all", Specimen.objects.all())
    await client.subscribe("Shown", "all")
    specimen = await db(lambda: Specimen.objects.create(**{name: value}))
    await quiet(hub)
    from_change = client.collections["zoo.specimen"][str(specimen.pk)]
    async with InProcess(hub) as other:
        await client.close()
        await other.subscribe("Shown", "all")
        from_result = other.collections["zoo.specimen"][str(specimen.pk)]
    assert from_change == from_result
    assert from_change[name] == (value if on_the_wire is None else on_the_wire)
    assert type(from_change[name]) is type(value if on_the_wire is None else on_the_wire)


async def test_floats_that_are_no_numbers(hub, client, show):
    show("all", Specimen.objects.all())
    await client.subscribe("Shown", "all")
    specimen = await db(lambda: Specimen.objects.create(real=math.nan))
    await quiet(hub)
    assert math.isnan(client.collections["zoo.specimen"][str(specimen.pk)]["real"])


async def test_all_null_but_the_key(hub, client, show):
    show("all", Specimen.objects.all())
    await client.subscribe("Shown", "all")
    await db(Specimen.objects.create)
    await quiet(hub)
    (fields,) = client.collections["zoo.specimen"].values()
    assert {name for name, value in fields.items() if value is not None} == {"paper"}
    assert fields["paper"] == ""


async def test_numerics_that_are_no_numbers(hub, client, show):
    show("all", Specimen.objects.all())
    await client.subscribe("Shown", "all")
    await sql("INSERT INTO zoo_specimen (exact) VALUES ('NaN')")
    await quiet(hub)
    (fields,) = client.collections["zoo.specimen"].values()
    assert fields["exact"] == "NaN"


async def test_moments_that_python_lacks_are_sent_as_text(hub, client, show):
    show("all", Specimen.objects.all())
    await client.subscribe("Shown", "all")
    await sql("INSERT INTO zoo_specimen (moment) VALUES ('infinity'), ('0044-03-15 00:00+00 BC')")
    await quiet(hub)
    moments = [fields["moment"] for fields in client.collections["zoo.specimen"].values()]
    assert moments == ["infinity", "0044-03-15T00:00:00+00:00 BC"]


async def test_secrets_are_neither_sent_nor_notified(hub, client, show):
    show("all", Specimen.objects.all())
    await client.subscribe("Shown", "all")
    heard = []
    hub._on_batch = hub.listener._on_batch = lambda batch: (
        heard.extend(batch),
        hub.engine.on_batch(batch),
    )
    await db(lambda: Specimen.objects.create(text="x", password="hunter2"))
    await quiet(hub)
    (fields,) = client.collections["zoo.specimen"].values()
    assert "password" not in fields
    assert "hunter2" not in str(heard)
    assert "'text': 'x'" in str(heard)


@pytest.mark.parametrize(
    ("key", "on_the_wire"),
    [
        ("isbn", "isbn"),
        ("", ""),
        ("-a", "--a"),
        ("~1", "-~1"),
        ("{x", "-{x"),
        ("a" * 24, "-" + "a" * 24),
    ],
)
async def test_text_keys_are_ids(hub, client, show, key, on_the_wire):
    show("all", Keyed.objects.all())
    await client.subscribe("Shown", "all")
    await db(lambda: Keyed.objects.create(key=key, value="v"))
    await quiet(hub)
    assert client.messages[-1]["id"] == on_the_wire
    assert client.collections["zoo.keyed"] == {key: {"value": "v"}}
    await sql("UPDATE zoo_keyed SET key = 'moved'")
    await quiet(hub)
    assert client.collections["zoo.keyed"] == {"moved": {"value": "v"}}


async def test_uuid_keys_are_ids(hub, client, show):
    show("all", Ticket.objects.all())
    await client.subscribe("Shown", "all")
    ticket = await db(lambda: Ticket.objects.create(title="t"))
    await quiet(hub)
    assert client.collections["zoo.ticket"] == {str(ticket.pk): {"title": "t"}}


async def test_relations_are_string_ids(hub, client, show):
    show("all", Person.objects.all())
    await client.subscribe("Shown", "all")
    boss = await db(lambda: Person.objects.create(name="B"))
    person = await db(lambda: Person.objects.create(name="P", boss=boss))
    tags = [await db(lambda name=name: Tag.objects.create(name=name)) for name in "xy"]
    await db(person.tags.set, tags)
    await quiet(hub)
    assert client.collections["zoo.person"] == {
        str(boss.pk): {"name": "B", "boss_id": None, "tags_ids": []},
        str(person.pk): {
            "name": "P",
            "boss_id": str(boss.pk),
            "tags_ids": [str(tag.pk) for tag in tags],
        },
    }
    await db(person.tags.remove, tags[0])
    await quiet(hub)
    assert client.collections["zoo.person"][str(person.pk)]["tags_ids"] == [str(tags[1].pk)]
