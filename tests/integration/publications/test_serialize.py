"""`Collection.serialize` gives what rows give without it."""

import datetime as dt
import json
import uuid
from decimal import Decimal

import pytest
from django.db import connection, transaction
from django.db.backends.postgresql.psycopg_any import DateTimeTZRange, NumericRange

from dddp.api.registry import API
from dddp.api.serializing import field_value
from dddp.livequery.document import OpenShape, encode_id
from dddp.livequery.encoders import IMAGE_DECODER
from dddp.livequery.loading import load
from tools.plans import plan_of
from zoo.models import Employee, Keyed, Person, Piece, Specimen, Tag, Ticket

UTC = dt.UTC
EAST = dt.timezone(dt.timedelta(hours=5, minutes=30))
MOMENT = dt.datetime(2024, 2, 29, 23, 59, 59, 999_999, tzinfo=EAST)

VALUES = {
    "text": ["", "a\u2028\U0001f600'\"\\", "$date"],
    "short": ["x"],
    "number": [0, -1, 2**31 - 1],
    "big": [2**63 - 1, -(2**63)],
    "small": [-32768],
    "exact": [Decimal("1.5"), Decimal("-0.0001"), Decimal("1E+3")],
    "real": [0.1, -0.0, 1e300, 5e-324, float("nan"), float("inf"), float("-inf")],
    "flag": [True, False],
    "day": [dt.date(1, 1, 1), dt.date(9999, 12, 31)],
    "clock": [dt.time(10, 20), dt.time(10, 20, 30, 500_000), dt.time(23, 59, 59, 999_999)],
    "moment": [MOMENT, dt.datetime(1969, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC)],
    "span": [
        dt.timedelta(0),
        dt.timedelta(days=-1, microseconds=1),
        dt.timedelta(days=400, hours=25, microseconds=5),
    ],
    "token_id": [uuid.UUID(int=5)],
    "raw": [b"", b"\x00\xff"],
    "tree": [{"$date": 1}, {"a": [1, None, {"$escape": {}}]}, [], "s", 5, 1.5, True],
    "names": [[], ["a", None, ""]],
    "numbers": [[Decimal("1.50"), Decimal("2")]],
    "pages": [NumericRange(1, 5), NumericRange(None, 5), NumericRange(empty=True)],
    "open_hours": [DateTimeTZRange(MOMENT, None, "(]")],
    "address": ["192.168.0.1", "::1", "2001:db8::ff00:42:8329"],
    "paper": ["", "a/b.txt"],
}


def by_row(queryset):
    plan = plan_of(queryset)
    return {identity: json.loads(values) for identity, values in load(plan).documents.items()}


def by_object(queryset):
    collection = API.collection_for(queryset.model)
    encode = OpenShape("").from_mapping
    return {
        json.dumps(str(obj.pk)).encode(): json.loads(encode(collection.serialize(obj)))
        for obj in queryset
    }


@pytest.mark.parametrize("name", VALUES)
def test_each_type(db_project, name):
    for value in VALUES[name]:
        Specimen.objects.create(**{name: value})
    rows = by_row(Specimen.objects.all())
    assert rows == by_object(Specimen.objects.all())
    assert len(rows) == len(VALUES[name])


@pytest.mark.parametrize("name", VALUES)
def test_what_postgresql_writes_is_what_is_made_of_changes(db_project, name):
    """Byte for byte: else a change would look like one of every field."""
    for value in VALUES[name]:
        Specimen.objects.create(**{name: value})
    assert made_of_images(Specimen) == load(plan_of(Specimen.objects.all())).documents


def test_every_character_is_escaped_as_in_changes(db_project):
    text = "".join(map(chr, [*range(1, 0xD800), *range(0xE000, 0x10000), *range(0x1F300, 0x1F700)]))
    Specimen.objects.create(text=text)
    assert made_of_images(Specimen) == load(plan_of(Specimen.objects.all())).documents


def made_of_images(model):
    shape = plan_of(model.objects.all()).shape
    with connection.cursor() as cursor:
        cursor.execute(f'SELECT row_to_json(t)::text FROM "{model._meta.db_table}" t')
        images = [IMAGE_DECODER.decode(text) for (text,) in cursor.fetchall()]
    return {encode_id(image[shape.pk]): shape.from_image(image) for image in images}


def test_nothing(db_project):
    Specimen.objects.create()
    Specimen.objects.update(paper=None)
    (document,) = by_object(Specimen.objects.all()).values()
    assert set(document.values()) == {None}
    assert by_row(Specimen.objects.all()) == by_object(Specimen.objects.all())


def test_relations_and_keys(db_project):
    boss = Employee.objects.create(name="B", salary=3)
    person = Person.objects.create(name="P", boss=boss)
    person.tags.add(*[Tag.objects.create(name=str(n)) for n in range(12)])
    Keyed.objects.create(key="k", value="v")
    Ticket.objects.create(title="t")
    for model in (Employee, Person, Keyed, Ticket):
        queryset = model.objects.all()
        assert by_row(queryset) == by_object(queryset)


def test_a_reference_that_leads_nowhere(db_project):
    field = Piece._meta.get_field("author")
    with transaction.atomic():
        Piece.objects.create(title="t", author_id=99)  # the constraint is deferred
        for queryset in (Piece.objects.all(), Piece.objects.prefetch_related("author")):
            assert field_value(field, queryset.get()) is None
        transaction.set_rollback(True)


def test_only_what_was_loaded(db_project):
    Specimen.objects.create(text="a", number=3, password="secret")
    queryset = Specimen.objects.only("number")
    assert by_row(queryset) == by_object(queryset) == {b'"1"': {"number": 3}}
