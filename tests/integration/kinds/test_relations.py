"""Conditions over relations: in both directions, several steps deep, within and without."""

import chat
import pytest
from chat import ANN, BEN, BLUE, COLD, HOT, RED
from django.db.models import Count, Exists, F, FilteredRelation, OuterRef, Q, Subquery
from stories import Over

from zoo.models import Channel, Label, Member, Membership, Message, Note, Profile

M = Message.objects
STORY = chat.STORY
NAMES = ("ann", "ben")
COLOURS = ("red", "blue")
CITIES = ("Rome", "Oslo")


def over(model, lookup, parameters, reads):
    """One lookup."""
    return Over(lambda value: model.objects.filter(**{lookup: value}), parameters, reads)


KINDS = {
    # foreign keys
    "forward": over(Message, "author__email", ("ann@a.org", "ben@b.org"), "message member"),
    "forward, by key": over(Message, "author", (ANN, BEN), "message"),
    "two steps": over(Message, "author__mentor__name", NAMES, "message member"),
    "three steps": over(Message, "author__mentor__profile__city", CITIES, "message member profile"),
    "backward": over(Member, "messages__stars__gte", (5, 8), "message"),
    "backward, distinct": Over(
        lambda stars: Member.objects.filter(messages__stars__gte=stars).distinct(),
        (5, 8),
        "message member",
    ),
    "backward, two steps": over(
        Member, "messages__channel__name", COLOURS, "message channel member"
    ),
    "there and back": over(Message, "channel__messages__author__name", NAMES, "message member"),
    "two conditions on one related row": Over(
        lambda name: Channel.objects.filter(messages__author__name=name, messages__stars__gt=3),
        NAMES,
        "message member channel",
    ),
    "two conditions on any related rows": Over(
        lambda name: Channel.objects.filter(messages__author__name=name).filter(
            messages__stars__gt=3
        ),
        NAMES,
        "message member channel",
    ),
    # many-to-many
    "many-to-many": over(Message, "labels__name", ("hot", "cold"), "message labels label"),
    "many-to-many, by key": over(Message, "labels", (HOT, COLD), "message labels"),
    "many-to-many, from the other side": over(
        Label, "messages__author__name", NAMES, "labels message member label"
    ),
    "members of a channel": over(Message, "channel__members", (ANN, BEN), "message membership"),
    "through, by name": over(Channel, "members__name", NAMES, "membership member channel"),
    "through, by its column": Over(
        lambda name: Message.objects.filter(
            channel__memberships__role="owner", channel__memberships__member__name=name
        ),
        NAMES,
        "message membership member",
    ),
    "the table between": over(Membership, "channel__name", COLOURS, "membership channel"),
    # one-to-one, self, generic
    "one-to-one": over(Profile, "member__name", NAMES, "profile member"),
    "one-to-one, backward": over(Member, "profile__city", CITIES, "profile member"),
    "self": over(Member, "mentor__name", NAMES, "member"),
    "self, backward": over(Member, "students__level", (3, 4), "member"),
    "self, two steps": over(Member, "mentor__mentor__name", NAMES, "member"),
    "self, many-to-many": over(Member, "friends__name", NAMES, "friends member"),
    "friends of friends": over(
        Member, "friends__friends__profile__city", CITIES, "friends member profile"
    ),
    "generic": over(Channel, "notes__text", ("kept", "lost"), "note channel"),
    "generic, backward": over(Note, "channel__name", COLOURS, "note channel"),
    "generic, several steps": over(
        Message, "channel__notes__text", ("kept", "lost"), "message note"
    ),
    # conditions
    "or over tables": Over(
        lambda name: M.filter(Q(author__name=name) | Q(channel__members__name=name)),
        NAMES,
        "message member membership",
    ),
    "and with or": Over(
        lambda name: M.filter(Q(author__name=name), Q(stars__gt=12) | Q(labels__name="hot")),
        NAMES,
        "message member labels label",
    ),
    "exclude over many": Over(
        lambda label: M.exclude(labels__name=label),
        ("hot", "cold"),
        "message labels label",
    ),
    "exclude further away": Over(
        lambda name: Channel.objects.exclude(messages__author__name=name),
        NAMES,
        "channel message member",
    ),
    "not all of it": Over(
        lambda name: M.filter(~Q(author__name=name, channel__name="red")),
        NAMES,
        "message member channel",
    ),
    "F over tables": Over(
        lambda more: M.filter(stars__gt=F("author__level") + more), (0, 3), "message member"
    ),
    "F over several": Over(
        lambda more: Member.objects.filter(level__gte=F("mentor__level") + more),
        (0, 2),
        "member",
    ),
    "exists": Over(
        lambda stars: Member.objects.filter(
            Exists(Message.objects.filter(author=OuterRef("pk"), stars__gte=stars))
        ),
        (5, 8),
        "member message",
    ),
    "exists, not": Over(
        lambda name: Channel.objects.filter(
            ~Exists(Membership.objects.filter(channel=OuterRef("pk"), member__name=name))
        ),
        NAMES,
        "channel membership member",
    ),
    "exists in exists": Over(
        lambda text: Member.objects.filter(
            Exists(
                Message.objects.filter(
                    Exists(Channel.objects.filter(pk=OuterRef("channel"), notes__text=text)),
                    author=OuterRef("pk"),
                )
            )
        ),
        ("kept", "lost"),
        "member message note",
    ),
    "in a subquery": Over(
        lambda city: M.filter(author__in=Member.objects.filter(profile__city=city)),
        CITIES,
        "message profile",
    ),
    "in a subquery of a slice": Over(
        lambda channel: M.filter(
            author__in=Member.objects.filter(channels=channel).order_by("-level", "pk")[:1]
        ),
        (RED, BLUE),
        "message member membership",
    ),
    "in a subquery of a slice by others' columns": Over(
        lambda channel: M.filter(
            pk__in=Message.objects.filter(channel=channel)
            .order_by("author__level", "-pk")
            .values("pk")[:1]
        ),
        (RED, BLUE),
        "message member",
    ),
    "not in a subquery with NULLs": Over(
        lambda level: Member.objects.exclude(
            pk__in=Member.objects.filter(level__gte=level).values("mentor")
        ),
        (2, 4),
        "member",
    ),
    "equal to a subquery": Over(
        lambda channel: M.filter(
            stars=Subquery(
                Message.objects.filter(channel=channel).order_by("-stars").values("stars")[:1]
            )
        ),
        (RED, BLUE),
        "message",
    ),
    "related row is missing": Over(
        lambda level: Member.objects.filter(profile__isnull=True, level__gte=level),
        (1, 3),
        "member profile",
    ),
    "related rows exist": Over(
        lambda channel: Member.objects.filter(
            messages__labels__isnull=False, messages__channel=channel
        ),
        (RED, BLUE),
        "member message labels",
    ),
    "text over tables": over(
        Message, "author__email__iendswith", ("@A.org", "@B.ORG"), "message member"
    ),
    "regex over tables": over(Message, "channel__name__iregex", ("^R", "^B"), "message channel"),
    "filtered relation": Over(
        lambda name: Channel.objects.annotate(
            owned=FilteredRelation("memberships", condition=Q(memberships__role="owner"))
        ).filter(owned__member__name=name),
        NAMES,
        "channel membership member",
    ),
    "condition on a count": Over(
        lambda least: Member.objects.alias(n=Count("messages")).filter(n__gte=least),
        (1, 3),
        "member message",
    ),
}


@pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
def test_a_relation_of_this_kind(told, kind):
    kind.check(told[kind])
