"""Values at the edges: what a client sees is what PostgreSQL has, whoever decides about it."""

import datetime as dt
import json
from zoneinfo import ZoneInfo

import pytest
from django.db import connection, models
from django.db.models.functions import Length
from django.test.utils import isolate_apps

from dddp.api.collection import Collection
from dddp.api.registry import API
from dddp.livequery import catalog
from tools.inprocess import InProcess, db, quiet, sql
from tools.plans import plan_of
from zoo.models import Keyed, Specimen


def keys(queryset):
    return {str(pk) for pk in queryset.values_list("pk", flat=True)}


async def assert_shown(hub, client, queryset, collection="zoo.specimen"):
    await quiet(hub)
    assert set(client.collections[collection]) == await db(keys, queryset)


async def test_a_secret_may_be_filtered_by(hub, client, show):
    """Changes do not tell of it, but a row that changes in nothing else leaves all the same."""
    queryset = Specimen.objects.filter(password="old")
    show("q", queryset)
    row = await db(lambda: Specimen.objects.create(password="old"))
    await client.subscribe("Shown", "q")
    assert set(client.collections["zoo.specimen"]) == {str(row.pk)}
    await sql("UPDATE zoo_specimen SET password = 'new'")
    await assert_shown(hub, client, queryset)


@pytest.mark.parametrize("expected", [True, False])
async def test_null_inside_json_is_a_value(hub, client, show, expected):
    queryset = Specimen.objects.filter(tree__isnull=expected)
    show("q", queryset)
    await client.subscribe("Shown", "q")
    await sql("INSERT INTO zoo_specimen (tree, paper) VALUES ('null', ''), (NULL, ''), ('1', '')")
    await assert_shown(hub, client, queryset)


@pytest.mark.parametrize(
    ("old", "new"), [("true", "1"), ('{"a": 0}', '{"a": false}'), ("[1]", "[1.0]")]
)
async def test_json_that_python_takes_for_equal_is_told_apart(hub, client, show, old, new):
    show("q", Specimen.objects.only("tree"))
    await sql("INSERT INTO zoo_specimen (tree, paper) VALUES (%s, '')", old)
    await client.subscribe("Shown", "q")
    await sql("UPDATE zoo_specimen SET tree = %s", new)
    await quiet(hub)
    (fields,) = client.collections["zoo.specimen"].values()
    assert json.dumps(fields["tree"]) == json.dumps(json.loads(new))


@pytest.mark.parametrize("fold", [0, 1])
async def test_a_moment_in_the_hour_that_clocks_repeat(hub, client, show, fold):
    moment = dt.datetime(2026, 10, 25, 2, 30, fold=fold, tzinfo=ZoneInfo("Europe/Berlin"))
    show("q", Specimen.objects.filter(moment=moment))
    await client.subscribe("Shown", "q")
    for hour in (0, 1):
        utc = dt.datetime(2026, 10, 25, hour, 30, tzinfo=dt.UTC)
        await db(lambda utc=utc: Specimen.objects.create(number=utc.hour, moment=utc))
    await quiet(hub)
    (fields,) = client.collections["zoo.specimen"].values()
    assert fields["number"] == fold


@pytest.fixture
async def setting(db_project, request):
    """A setting of the database, which sessions of Django have too."""
    name = connection.ops.quote_name(connection.settings_dict["NAME"])
    await sql(f"ALTER DATABASE {name} SET {request.param}")
    yield request.param
    await sql(f"ALTER DATABASE {name} RESET ALL")


@pytest.mark.parametrize(
    ("setting", "name", "value"),
    [
        ("bytea_output = 'escape'", "raw", b"a\x00"),
        ("IntervalStyle = 'sql_standard'", "span", dt.timedelta(days=-2, hours=3)),
        ("extra_float_digits = 0", "real", 0.1 + 0.2),
        (
            "DateStyle = 'German, DMY'",
            "open_hours",
            (dt.datetime(2026, 1, 2, tzinfo=dt.UTC), None),
        ),
    ],
    indirect=["setting"],
)
async def test_settings_of_a_database_do_not_show(setting, hub, client, show, name, value):
    show("q", Specimen.objects.only(name))
    await client.subscribe("Shown", "q")
    await db(lambda: Specimen.objects.create(**{name: value}))
    await quiet(hub)
    from_change = client.collections["zoo.specimen"]
    async with InProcess(hub) as other:
        await client.close()
        await other.subscribe("Shown", "q")
        assert other.collections["zoo.specimen"] == from_change


@pytest.fixture
async def sized(db_project, monkeypatch):
    """A model on the table of `Keyed` with a column that PostgreSQL computes."""
    with isolate_apps("zoo"):

        class Sized(models.Model):
            key = models.CharField(primary_key=True, max_length=50)
            value = models.TextField(default="")
            size = models.GeneratedField(
                expression=Length("value"), output_field=models.IntegerField(), db_persist=True
            )

            class Meta:
                app_label = "zoo"
                db_table = "zoo_keyed"

    class SizedCollection(Collection):
        model = Sized

    monkeypatch.setitem(API._collections, "zoo.sized", SizedCollection())
    await sql("ALTER TABLE zoo_keyed ADD size int GENERATED ALWAYS AS (length(value)) STORED")
    catalog.forget()
    yield Sized
    await sql("ALTER TABLE zoo_keyed DROP COLUMN size")
    catalog.forget()


async def test_a_stored_generated_column_is_known_from_the_change(sized, hub, client, show):
    queryset = sized.objects.filter(size__gt=2)
    assert plan_of(queryset).condition is not None
    show("q", queryset)
    await client.subscribe("Shown", "q")
    await db(lambda: [Keyed.objects.create(key=key, value=key) for key in ("a", "bbb")])
    await quiet(hub)
    assert client.collections["zoo.sized"] == {"bbb": {"value": "bbb", "size": 3}}
    await sql("UPDATE zoo_keyed SET value = value || value || value")
    await quiet(hub)
    assert client.collections["zoo.sized"] == {
        "a": {"value": "aaa", "size": 3},
        "bbb": {"value": "bbb" * 3, "size": 9},
    }
