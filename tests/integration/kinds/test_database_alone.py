"""What the database does by itself: cascades; and relations between tables of several schemas."""

import pytest
from django.db import transaction
from django.db.models import Count, F
from following import sql
from stories import Over, Story

from zoo.models import Annexed, Shelf, Volume

STORY = Story()


@STORY.beginning
def begin():
    sql("TRUNCATE zoo_shelf, zoo_volume, annex.annexed RESTART IDENTITY")
    populate()


def populate():
    Shelf.objects.bulk_create(Shelf(code=code, label=f"shelf {code}") for code in "abc")
    Volume.objects.bulk_create(Volume(label=shelf, shelf_id=shelf) for shelf in "aabc")
    Annexed.objects.bulk_create(Annexed(label=shelf, shelf_id=shelf) for shelf in "ab")


@STORY.writes("shelf")
def labels_trade_places():
    sql("UPDATE zoo_shelf SET label = CASE code WHEN 'a' THEN 'shelf b' ELSE 'shelf a' END")


@STORY.writes("volume")
def volumes_move_by_update():
    Volume.objects.filter(shelf="b").update(shelf="a")


@STORY.writes("volume")
def a_volume_moves_by_save():
    volume = Volume.objects.get(pk=1)
    volume.shelf_id = "b"
    volume.save()


@STORY.writes("annexed")
def rows_of_the_other_schema_move():
    sql("UPDATE annex.annexed SET shelf_id = 'c' WHERE shelf_id = 'a'")


@STORY.writes("annexed")
def rows_come_to_the_other_schema():
    Annexed.objects.bulk_create(Annexed(label=code, shelf_id=code) for code in "abb")


@STORY.writes("annexed")
def rows_of_the_other_schema_go():
    Annexed.objects.filter(shelf__in=["a", "c"]).delete()


@STORY.writes("shelf", "volume")
def a_key_changes_and_takes_its_volumes_along():
    sql("UPDATE zoo_shelf SET code = 'z' WHERE code = 'a'")


@STORY.writes("shelf", "volume")
def keys_change_in_a_ring():
    with transaction.atomic():
        for old, new in ("zt", "ca", "tc"):
            sql("UPDATE zoo_shelf SET code = %s WHERE code = %s", new, old)


@STORY.writes("shelf", "volume")
def a_shelf_is_deleted_with_its_volumes():
    sql("DELETE FROM zoo_shelf WHERE code = 'a'")


@STORY.writes("shelf", "volume")
def a_shelf_is_replaced_in_one_transaction():
    with transaction.atomic():
        Shelf.objects.create(code="n", label="shelf a")
        Volume.objects.filter(pk=2).update(shelf="n")
        sql("DELETE FROM zoo_shelf WHERE code = 'c'")


@STORY.writes("annexed")
def the_other_schema_is_truncated():
    sql("TRUNCATE annex.annexed")


@STORY.writes("shelf", "volume", "annexed")
def all_is_truncated():
    sql("TRUNCATE zoo_shelf CASCADE")


@STORY.writes("shelf", "volume", "annexed")
def all_is_there_again():
    with transaction.atomic():
        populate()


LABELS = ("shelf a", "shelf b")
KINDS = {
    "the one side": Over(lambda label: Shelf.objects.filter(label=label), LABELS, "shelf"),
    "the many side, by key": Over(
        lambda code: Volume.objects.filter(shelf=code), ("a", "b"), "volume"
    ),
    "the many side": Over(
        lambda label: Volume.objects.filter(shelf__label=label), LABELS, "shelf volume"
    ),
    "the one side, by the other": Over(
        lambda label: Shelf.objects.filter(volumes__label=label), ("a", "b"), "shelf volume"
    ),
    "counted": Over(
        lambda label: Shelf.objects.filter(label=label).annotate(n=Count("volumes")),
        LABELS,
        "shelf volume",
    ),
    "top": Over(
        lambda label: Volume.objects.filter(shelf__label=label).order_by("-pk")[:1],
        LABELS,
        "shelf volume",
    ),
    "from the other schema": Over(
        lambda label: Annexed.objects.filter(shelf__label=label), LABELS, "annexed shelf"
    ),
    "into the other schema": Over(
        lambda label: Volume.objects.filter(shelf__annexed__label=label),
        ("a", "b"),
        "volume annexed",
    ),
    "annotated from the other schema": Over(
        lambda label: Shelf.objects.filter(label=label).annotate(there=F("annexed__label")),
        LABELS,
        "shelf annexed",
    ),
}


@pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
def test_tables_that_change_each_other(told, kind):
    kind.check(told[kind])
