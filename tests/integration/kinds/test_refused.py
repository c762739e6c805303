"""What differs at each run is refused wherever it hides; the error says what to do."""

import pytest
from django.contrib.postgres.functions import RandomUUID, TransactionNow
from django.db.models import (
    Case,
    Count,
    DurationField,
    Exists,
    F,
    FilteredRelation,
    Func,
    IntegerField,
    OuterRef,
    Q,
    Subquery,
    Value,
    When,
    Window,
)
from django.db.models.expressions import RawSQL
from django.db.models.functions import Coalesce, Length, Now, Random, RowNumber, TruncDay

from dddp.exceptions import QueryNotLive
from tools.plans import plan_of
from zoo.models import Member, Message, Specimen

CLOCK = r"the database's clock.*pass django\.utils\.timezone\.now\(\)"
RANDOM = "a random order"
RAW = "raw SQL.*with expressions"
EXTRA = r"extra\(\).*with expressions"
LATE = Specimen.objects.filter(moment__lt=Now())


def text(template):
    """SQL that no expression tells of."""
    return Func(template=template, output_field=IntegerField())


def said(template):
    return Message.objects.annotate(x=text(template))


KINDS = {
    "clock in a condition": (LATE, CLOCK),
    "clock, excluded": (Specimen.objects.exclude(moment__lt=Now()), CLOCK),
    "clock within an expression": (Specimen.objects.filter(moment__lt=Now() - F("span")), CLOCK),
    "clock in a function": (Specimen.objects.filter(moment__date=TruncDay(Now())), CLOCK),
    "clock in one of many": (Message.objects.filter(Q(stars=1) | ~Q(text=Now())), CLOCK),
    "clock in a list": (Specimen.objects.filter(moment__in=[Now(), None]), CLOCK),
    "clock in an annotation": (Message.objects.annotate(now=Now()), CLOCK),
    "clock in an alias": (Message.objects.alias(now=Now()).filter(now__year=2026), CLOCK),
    "clock in a case": (
        Message.objects.annotate(x=Case(When(stars=1, then=Now()), default=None)),
        CLOCK,
    ),
    "clock in a filtered count": (
        Member.objects.annotate(n=Count("messages", filter=Q(messages__text__lt=Now()))),
        CLOCK,
    ),
    "clock in a filtered relation": (
        Member.objects.alias(
            late=FilteredRelation("messages", condition=Q(messages__text__lt=Now()))
        ).filter(late__isnull=False),
        CLOCK,
    ),
    "clock in a subquery": (Message.objects.filter(stars__in=LATE.values("number")), CLOCK),
    "clock in an annotated subquery": (
        Message.objects.annotate(x=Subquery(LATE.values("number")[:1])),
        CLOCK,
    ),
    "clock in exists": (
        Message.objects.filter(Exists(LATE.filter(number=OuterRef("stars")))),
        CLOCK,
    ),
    "clock in the second part of a union": (Specimen.objects.filter(number=1).union(LATE), CLOCK),
    "clock in the order of a slice": (Specimen.objects.order_by(F("moment") - Now())[:3], CLOCK),
    "clock in a window": (
        Specimen.objects.annotate(n=Window(RowNumber(), order_by=F("moment") - Now())),
        CLOCK,
    ),
    "clock of the transaction": (Specimen.objects.filter(moment__lt=TransactionNow()), CLOCK),
    "random order": (Message.objects.order_by("?"), RANDOM),
    "random order of a slice": (Message.objects.order_by("stars", "?")[:3], RANDOM),
    "random order of a subquery": (
        Message.objects.filter(pk__in=Message.objects.order_by("?").values("pk")[:3]),
        RANDOM,
    ),
    "random, descending": (Message.objects.order_by(Random().desc())[:3], RANDOM),
    "random value": (Message.objects.annotate(x=Random()), RANDOM),
    "random condition": (Message.objects.filter(stars__gt=Random() * 3), RANDOM),
    "random id": (Message.objects.annotate(x=RandomUUID()), "gen_random_uuid.*volatile"),
    "raw SQL": (Message.objects.annotate(x=RawSQL("SELECT 1", ())), RAW),
    "raw SQL in a condition": (Message.objects.filter(stars__in=RawSQL("SELECT 1", ())), RAW),
    "extra condition": (Message.objects.extra(where=["stars = 1"]), EXTRA),
    "extra column": (Message.objects.extra(select={"x": "1"}), EXTRA),
    "extra table": (Message.objects.extra(tables=["zoo_member"]), EXTRA),
    "extra in a subquery": (
        Message.objects.filter(author__in=Member.objects.extra(where=["level = 1"])),
        EXTRA,
    ),
    "clock by name": (said("clock_timestamp()"), "clock_timestamp.*volatile.*STABLE"),
    "time of the transaction by name": (said("Now ()"), CLOCK),
    "day as a keyword": (said("CURRENT_DATE"), CLOCK),
    "random by name": (said("1 + random()"), "random.*volatile"),
    "random between texts": (said(r"length(E'\'' || random() || '\')"), "random.*volatile"),
    "age of today": (
        Specimen.objects.annotate(
            x=Func(Coalesce("moment", "moment"), function="age", output_field=DurationField())
        ),
        CLOCK,
    ),
    "sequence by name": (said("nextval('zoo_message_id_seq')"), "nextval.*volatile"),
    "another table by name": (
        said("(SELECT max(level) FROM zoo_member)"),
        r"reads zoo_member.*Exists\(\) or Subquery",
    ),
    "another table, quoted": (
        said('(SELECT max(level) FROM public."zoo_member" x JOIN zoo_message y ON true)'),
        r'reads public."zoo_member"',
    ),
    "another table in a condition": (
        Message.objects.filter(stars__gt=text("(SELECT max(level) FROM zoo_member)")),
        "reads zoo_member",
    ),
    "values": (Message.objects.values(), r"values.*only\(\)"),
    "one value each": (Message.objects.values_list("text", flat=True), r"values.*only\(\)"),
    "groups": (Message.objects.values("channel").annotate(n=Count("pk")), r"values.*only\(\)"),
    "days": (Specimen.objects.dates("day", "month"), r"values.*only\(\)"),
    "raw": (Message.objects.raw("SELECT * FROM zoo_message"), r"raw\(\)"),
    "another database": (Message.objects.using("archive"), "'archive'.*'default'"),
}


@pytest.mark.parametrize(("queryset", "reason"), KINDS.values(), ids=KINDS)
def test_a_queryset_of_this_kind_is_refused(database, queryset, reason):
    with pytest.raises(QueryNotLive, match=reason):
        plan_of(queryset)


@pytest.mark.parametrize(
    "queryset",
    [
        Message.objects.annotate(x=Value("random()")),
        Message.objects.filter(text="?").order_by("-stars"),
        Message.objects.order_by("?").order_by("stars")[:3],
        Message.objects.order_by("?").order_by(),
        Message.objects.filter(pk__in=Message.objects.order_by("?").order_by("pk").values("pk")),
        Message.objects.annotate(now=Length("text"), current_date=F("now") + 1),
        Specimen.objects.filter(day__year=2026, moment__hour=1),
        said("(SELECT max(stars) FROM zoo_message)"),
        said(
            "extract(year from '2026-01-01'::date)::int + length(trim(both from 'from zoo_member'))"
        ),
        said("(SELECT count(*) FROM unnest(ARRAY[1, 2]) zoo_member)"),
        said("length('now()')"),
        said(r"length(E'\'now()')"),
        said("length(format('%%%%s', 'x'))"),
        said("date_part('year', age('2026-01-01'::date, ('2025-01-01'::date)))::int"),
    ],
    ids=[
        "text",
        "parameter",
        "order replaced",
        "order removed",
        "order replaced within",
        "names of annotations",
        "parts of dates",
        "its own table",
        "keywords",
        "a function in place of a table",
        "text that looks like it",
        "text with escapes that looks like it",
        "text that looks like a parameter",
        "age at a day",
    ],
)
def test_what_only_looks_like_it_is_not(database, queryset):
    assert plan_of(queryset).sql
