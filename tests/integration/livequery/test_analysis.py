"""What is refused, what is shared and how it is published, as seen from a queryset."""

import datetime as dt
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
from django.db import models
from django.db.models import F, Value
from django.test.utils import isolate_apps

from bookstore.models import Book
from dddp.exceptions import MeteorError, QueryNotLive
from dddp.livequery.analysis import analyse
from tools.plans import plan_of
from zoo.models import Keyed, Person, Specimen, Ticket

BERLIN = ZoneInfo("Europe/Berlin")
FIRST, SECOND = (dt.datetime(2026, 10, 25, 2, 30, fold=fold, tzinfo=BERLIN) for fold in (0, 1))


def test_a_queryset_of_another_database_is_refused(db_project):
    with pytest.raises(QueryNotLive, match="'archive'"):
        plan_of(Book.objects.using("archive"))


@isolate_apps("zoo")
def test_a_model_with_a_composite_key_is_refused(db_project):
    class Pair(models.Model):
        pk = models.CompositePrimaryKey("a", "b")
        a = models.IntegerField()
        b = models.IntegerField()

        class Meta:
            app_label = "zoo"

    with pytest.raises(QueryNotLive, match="composite"):
        analyse(Pair.objects.all(), "zoo.pair", Pair._meta.concrete_fields, "default")


async def test_a_queryset_is_not_published_under_rules_for_another_model(hub, client, show, caplog):
    show("q", (Ticket.objects.all(), "bookstore.book"))
    with pytest.raises(MeteorError, match="500"):
        await client.subscribe("Shown", "q")
    assert "a Collection whose model is bookstore.Book" in caplog.text


def test_locks_are_left_out(db_project):
    """A publication may share its queryset with code that locks what it reads."""
    plan = plan_of(Book.objects.select_for_update().filter(pages=1))
    assert plan.key == plan_of(Book.objects.filter(pages=1)).key
    assert plan.condition is not None


@pytest.mark.parametrize(
    ("queryset", "other"),
    [
        pytest.param(
            Specimen.objects.filter(moment__gte=FIRST),
            Specimen.objects.filter(moment__gte=SECOND),
            id="the-hour-that-clocks-repeat",
        ),
        pytest.param(
            Specimen.objects.filter(open_hours__overlap=(FIRST, None)),
            Specimen.objects.filter(open_hours__overlap=(SECOND, None)),
            id="ranges-in-that-hour",
        ),
        pytest.param(
            Keyed.objects.annotate(x=Value(Decimal("1.0"))),
            Keyed.objects.annotate(x=Value(Decimal("1.00"))),
            id="equal-numbers-that-look-different",
        ),
    ],
)
def test_querysets_that_python_takes_for_equal_are_not_shared(db_project, queryset, other):
    assert plan_of(queryset).key != plan_of(other).key


@pytest.mark.parametrize(
    "condition",
    [
        {"tree__a__gt": 1},
        {"tree__contains": {"a": [1]}},
        {"span__gt": dt.timedelta(hours=1)},
        {"clock__gt": dt.time(12)},
        {"address": "127.0.0.1"},
        {"raw": b"x"},
        {"pages__overlap": (1, 3)},
        {"open_hours__overlap": (FIRST, None)},
        {"names__contains": ["a"]},
    ],
    ids=lambda condition: next(iter(condition)),
)
def test_equal_querysets_are_shared_whatever_their_parameters_are(db_project, condition):
    one, other = (plan_of(Specimen.objects.filter(**condition)) for _ in range(2))
    assert one.key == other.key
    assert one.member.batch.key == other.member.batch.key
    assert one.member.data_key == other.member.data_key


def test_the_end_of_time_in_a_zone_west_of_greenwich(db_project):
    """The usual "no upper bound" is a moment that UTC has not."""
    last = dt.datetime.max.replace(tzinfo=ZoneInfo("America/New_York"))
    plan = plan_of(Specimen.objects.filter(moment__lt=last))
    assert plan.condition is None


def test_an_annotation_from_a_related_row_is_no_field_of_its_own_model(db_project):
    plan = plan_of(Person.objects.only("boss").annotate(chief=F("boss__name")))
    assert plan.shape.names == ("boss_id", "chief")


def test_constants_of_different_types_are_published_each_in_its_own_way(db_project):
    integer = plan_of(Keyed.objects.annotate(constant=Value(1))).shape
    decimal = plan_of(Keyed.objects.annotate(constant=Value(Decimal("1.50")))).shape
    assert integer.fields[-1].encode(1) == b"1"
    assert decimal.fields[-1].encode(Decimal("1.50")) == b'"1.50"'


class Shouted(models.TextField):
    def select_format(self, compiler, sql, params):
        return f"upper({sql})", params


@isolate_apps("zoo")
def test_a_field_that_is_read_through_a_function_is_left_to_the_database(db_project):
    class Loud(models.Model):
        key = models.CharField(primary_key=True, max_length=50)
        value = Shouted()

        class Meta:
            app_label = "zoo"
            db_table = "zoo_keyed"

    plan = analyse(Loud.objects.all(), "zoo.loud", Loud._meta.concrete_fields, "default")
    assert plan.condition is None
    assert plan.reason == "value is not read as it is stored"


@isolate_apps("zoo")
def test_a_random_order_by_default_is_refused(db_project):
    class Shuffled(models.Model):
        class Meta:
            app_label = "zoo"
            db_table = "zoo_keyed"
            ordering = ["?"]

        key = models.CharField(max_length=50, primary_key=True)

    with pytest.raises(QueryNotLive, match="random order"):
        analyse(Shuffled.objects.all()[:2], "x", [], "default")
