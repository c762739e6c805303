"""What is made of the rows that are found: slices, sets, annotations, fewer fields."""

import chat
import pytest
from chat import ANN, BEN, BLUE, RED
from django.db.models import (
    Avg,
    Case,
    Count,
    DecimalField,
    Exists,
    ExpressionWrapper,
    F,
    IntegerField,
    Max,
    OuterRef,
    Prefetch,
    Q,
    Subquery,
    Sum,
    Value,
    When,
    Window,
)
from django.db.models.functions import Cast, Coalesce, Concat, Lower, Rank, RowNumber
from stories import Over

from zoo.models import Channel, Label, Member, Message, Profile

STORY = chat.STORY
NAMES = ("ann", "ben")
COLOURS = ("red", "blue")
BOTH = (RED, BLUE)
M = Message.objects


def in_channel(channel):
    return Message.objects.filter(channel=channel)


def of(name):
    return Message.objects.filter(author__name=name)


KINDS = {
    # slices
    "top": Over(lambda c: in_channel(c).order_by("-stars", "pk")[:2], BOTH, "message"),
    "offset": Over(lambda c: in_channel(c).order_by("-stars", "pk")[1:3], BOTH, "message"),
    "one": Over(lambda c: in_channel(c).order_by("pk")[:1], BOTH, "message"),
    "all but the first": Over(lambda c: in_channel(c).order_by("pk")[1:], BOTH, "message"),
    "top of others' columns": Over(
        lambda c: in_channel(c).order_by("author__level", "pk")[:2],
        BOTH,
        "message member",
    ),
    "top by a count": Over(
        lambda c: in_channel(c).annotate(n=Count("labels")).order_by("-n", "pk")[:2],
        BOTH,
        "message labels",
    ),
    "top by an expression": Over(
        lambda c: in_channel(c).order_by((F("stars") - 3 * F("author__level")).desc(), "pk")[:1],
        BOTH,
        "message member",
    ),
    "top over a relation": Over(
        lambda name: M.filter(labels__name=name).order_by("-stars", "pk")[:1],
        ("hot", "cold"),
        "message labels label",
    ),
    "top by nullable, nulls last": Over(
        lambda level: Member.objects.filter(level__gte=level).order_by(
            F("mentor__name").desc(nulls_last=True), "pk"
        )[:2],
        (1, 3),
        "member",
    ),
    # sets
    "distinct": Over(
        lambda name: Member.objects.filter(messages__labels__name=name).distinct(),
        ("hot", "cold"),
        "member message labels label",
    ),
    "distinct on": Over(
        lambda c: in_channel(c).order_by("author__level", "-stars", "pk").distinct("author__level"),
        BOTH,
        "message member",
    ),
    "distinct slice": Over(
        lambda c: (
            Member.objects.filter(messages__channel=c).distinct().order_by("-level", "pk")[:1]
        ),
        BOTH,
        "member message",
    ),
    "union": Over(
        lambda name: of(name).union(M.filter(labels__name="hot")),
        NAMES,
        "message member labels label",
    ),
    "union of slices": Over(
        lambda c: (
            in_channel(c)
            .order_by("stars", "pk")[:1]
            .union(in_channel(c).order_by("-stars", "pk")[:1])
        ),
        BOTH,
        "message",
    ),
    "union of slices by others' columns": Over(
        lambda c: (
            in_channel(c)
            .order_by("author__level", "pk")[:1]
            .union(in_channel(c).order_by("author__mentor__name", "pk")[:1])
        ),
        BOTH,
        "message member",
    ),
    "union, sliced": Over(
        lambda c: in_channel(c).union(M.filter(labels=1)).order_by("-stars", "pk")[:2],
        BOTH,
        "message labels",
    ),
    "intersection": Over(
        lambda name: of(name).intersection(M.filter(channel__members__name=name)),
        NAMES,
        "message member membership",
    ),
    "difference": Over(
        lambda name: of(name).difference(M.filter(labels__name="hot")),
        NAMES,
        "message member labels label",
    ),
    "or of querysets": Over(
        lambda name: of(name) | M.filter(author__mentor__name=name), NAMES, "message member"
    ),
    "and of querysets": Over(
        lambda name: of(name) & M.filter(channel__name="red"), NAMES, "message member channel"
    ),
    # aggregates
    "count": Over(
        lambda name: Channel.objects.filter(name=name).annotate(n=Count("messages")),
        COLOURS,
        "channel message",
    ),
    "count of all": Over(
        lambda least: Member.objects.annotate(n=Count("messages"), least=Value(least)),
        (1, 2),
        "member message",
    ),
    "two counts": Over(
        lambda name: Channel.objects.filter(name=name).annotate(
            people=Count("members", distinct=True), said=Count("messages", distinct=True)
        ),
        COLOURS,
        "channel message membership",
    ),
    "sum, average, most": Over(
        lambda name: Member.objects.filter(name=name).annotate(
            total=Sum("messages__stars"),
            mean=Avg("messages__stars"),
            all_ids=Sum("messages__pk"),
            exact=Avg("messages__stars", output_field=DecimalField()),
            most=Max("messages__stars"),
        ),
        NAMES,
        "member message",
    ),
    "sum of decimals": Over(
        lambda name: Member.objects.filter(name=name).annotate(
            total=Sum(Cast("messages__stars", DecimalField(max_digits=9, decimal_places=2)))
        ),
        NAMES,
        "member message",
    ),
    "filtered": Over(
        lambda name: Member.objects.annotate(
            said=Count("messages", filter=Q(messages__channel__name=name))
        ),
        COLOURS,
        "member message channel",
    ),
    "having": Over(
        lambda least: Channel.objects.annotate(stars=Sum("messages__stars")).filter(
            stars__gte=least
        ),
        (6, 12),
        "channel message",
    ),
    "aggregate over a relation": Over(
        lambda name: Channel.objects.filter(members__name=name).annotate(n=Count("messages")),
        NAMES,
        "channel message membership member",
    ),
    "aggregate of the through table": Over(
        lambda role: Member.objects.annotate(
            n=Count("memberships", filter=Q(memberships__role=role))
        ).filter(n__gt=0),
        ("guest", "owner"),
        "member membership",
    ),
    # other annotations
    "F of a relation": Over(
        lambda c: in_channel(c).annotate(by=F("author__name"), city=F("author__profile__city")),
        BOTH,
        "message member profile",
    ),
    "subquery": Over(
        lambda name: Member.objects.filter(name=name).annotate(
            best=Subquery(
                Message.objects.filter(author=OuterRef("pk"))
                .order_by("-stars", "pk")
                .values("text")[:1]
            )
        ),
        NAMES,
        "member message",
    ),
    "subquery that counts": Over(
        lambda name: Channel.objects.filter(name=name).annotate(
            n=Subquery(
                Message.objects.filter(channel=OuterRef("pk"), labels__name="hot")
                .order_by()
                .values("channel")
                .annotate(n=Count("pk"))
                .values("n")
            )
        ),
        COLOURS,
        "channel message labels label",
    ),
    "exists": Over(
        lambda c: in_channel(c).annotate(
            inside=Exists(
                Channel.objects.filter(pk=OuterRef("channel"), members=OuterRef("author"))
            )
        ),
        BOTH,
        "message membership",
    ),
    "case": Over(
        lambda level: Message.objects.annotate(
            rank=Case(
                When(author__level__gte=level, then=Value("high")),
                When(labels__name="hot", then=Value("hot")),
                default=Concat("author__name", Value("?")),
            )
        ).filter(stars__gte=level),
        (1, 3),
        "message member labels label",
    ),
    "case, aggregated": Over(
        lambda c: Member.objects.filter(channels=c).annotate(
            hot=Sum(Case(When(messages__labels__name="hot", then=1), default=0))
        ),
        BOTH,
        "member membership message labels label",
    ),
    "window": Over(
        lambda c: in_channel(c).annotate(
            place=Window(RowNumber(), order_by=[F("stars").desc(), "pk"])
        ),
        BOTH,
        "message",
    ),
    "window by group": Over(
        lambda c: in_channel(c).annotate(
            place=Window(Rank(), partition_by="author", order_by="-stars"),
            total=Window(Sum("stars"), partition_by="author"),
        ),
        BOTH,
        "message",
    ),
    "window as condition": Over(
        lambda c: (
            in_channel(c)
            .annotate(place=Window(RowNumber(), partition_by="author", order_by=["-stars", "pk"]))
            .filter(place=1)
        ),
        BOTH,
        "message",
    ),
    "alias": Over(
        lambda name: M.alias(by=Lower("author__name")).filter(by=name), NAMES, "message member"
    ),
    "expression": Over(
        lambda c: in_channel(c).annotate(
            score=ExpressionWrapper(
                F("stars") * Coalesce("author__level", 0), output_field=IntegerField()
            )
        ),
        BOTH,
        "message member",
    ),
    # fields
    "only": Over(lambda c: in_channel(c).only("text"), BOTH, "message"),
    "only, with relations": Over(
        lambda c: in_channel(c).only("author", "labels"), BOTH, "message labels"
    ),
    "defer": Over(lambda c: in_channel(c).defer("text", "channel"), BOTH, "message labels"),
    "defer what is many": Over(lambda c: in_channel(c).defer("labels"), BOTH, "message"),
    "only, filtered by the rest": Over(
        lambda name: of(name).only("stars"), NAMES, "message member"
    ),
    "only, with an annotation": Over(
        lambda c: in_channel(c).only("text").annotate(n=Count("labels")), BOTH, "message labels"
    ),
    # hints that change nothing
    "select_related": Over(
        lambda c: in_channel(c).select_related("author__mentor", "channel"), BOTH, "message"
    ),
    "select_related, nullable, only": Over(
        lambda name: (
            Member.objects.filter(mentor__name=name)
            .select_related("mentor")
            .only("name", "mentor__name")
        ),
        NAMES,
        "member",
    ),
    "prefetch_related": Over(
        lambda c: in_channel(c).prefetch_related("labels", "author__channels"),
        BOTH,
        "message labels",
    ),
    "prefetch of a queryset": Over(
        lambda name: Channel.objects.filter(name=name).prefetch_related(
            Prefetch("messages", queryset=M.filter(stars__gt=4), to_attr="best")
        ),
        COLOURS,
        "channel",
    ),
    "ordered, for nothing": Over(
        lambda name: of(name).order_by("author__level", "-labels__name").reverse(),
        NAMES,
        "message member",
    ),
    # many-to-many as a field, from every model that has one
    "ids through a table": Over(
        lambda name: Channel.objects.filter(name=name), COLOURS, "channel membership"
    ),
    "ids of the same model": Over(
        lambda names: Member.objects.filter(name__in=names),
        (["ann", "x"], ["ben", "y"]),
        "member friends",
    ),
    "labels": Over(lambda name: Label.objects.filter(name=name), ("hot", "cold"), "label"),
    "a key that is a relation": Over(
        lambda members: Profile.objects.filter(pk__in=members), ([ANN, 3], [BEN, 4]), "profile"
    ),
}


@pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
def test_a_result_of_this_kind(told, kind):
    kind.check(told[kind])
