"""A story of people who talk. The keys of the rows at the beginning are known: ANN is 1."""

from __future__ import annotations

from typing import Any

from django.contrib.contenttypes.models import ContentType
from django.db import transaction
from django.db.models import Case, F, Value, When
from following import sql
from stories import RolledBack, Story

from zoo.models import Channel, Label, Member, Membership, Message, Note, Profile

ANN, BEN, CID, DAN = 1, 2, 3, 4
RED, BLUE = 1, 2
HOT, COLD = 1, 2
TABLES = (
    "zoo_message, zoo_message_labels, zoo_membership, zoo_channel, zoo_profile, "
    "zoo_member_friends, zoo_member, zoo_label, zoo_note"
)

STORY = Story()
writes = STORY.writes


@STORY.beginning
def begin() -> None:
    sql(f"TRUNCATE {TABLES} RESTART IDENTITY CASCADE")
    populate()


def note(about: Any, text: str) -> Note:
    return Note(
        content_type=ContentType.objects.get_for_model(about), object_id=about.pk, text=text
    )


def populate() -> None:
    ann = Member.objects.create(name="ann", email="ann@a.org", level=1)
    ben = Member.objects.create(name="ben", email="ben@b.org", level=3, mentor=ann)
    cid = Member.objects.create(name="cid", email="cid@c.org", level=2, mentor=ben)
    Member.objects.create(name="dan", email="dan@d.org")
    ann.friends.add(ben)
    Profile.objects.bulk_create(
        [Profile(member=ann, city="Rome"), Profile(member=ben, city="Oslo")]
    )
    red, blue = Channel.objects.bulk_create([Channel(name="red"), Channel(name="blue")])
    red.members.add(ann, cid)
    blue.members.add(ben, through_defaults={"role": "owner"})
    hot, cold = Label.objects.bulk_create([Label(name="hot"), Label(name="cold")])
    for stars, (channel, author) in enumerate(
        [(red, ann), (red, ann), (red, cid), (blue, ben), (blue, cid)]
    ):
        Message.objects.create(channel=channel, author=author, text=f"{stars}", stars=2 * stars)
    Message.objects.get(pk=1).labels.add(hot)
    Message.objects.get(pk=4).labels.add(cold, hot)
    Message.objects.get(pk=5).labels.add(cold)
    Note.objects.bulk_create([note(red, "kept"), note(blue, "lost"), note(ann, "kept")])


def swapped(field: str, one: Any, other: Any) -> Case:
    """For an UPDATE in which two values trade places."""
    return Case(When(**{field: one}, then=Value(other)), default=Value(one))


# members: what they are called, how they rank, who taught them


@writes("member")
def members_trade_names() -> None:
    Member.objects.filter(pk__in=[ANN, BEN]).update(
        name=swapped("name", "ann", "ben"), email=swapped("email", "ann@a.org", "ben@b.org")
    )


@writes("member")
def a_member_is_saved_with_another_mentor_and_level() -> None:
    cid = Member.objects.get(pk=CID)
    cid.mentor_id, cid.level = ANN, 0
    cid.save()


@writes("member")
def members_join_with_a_mentor() -> None:
    Member.objects.bulk_create(
        Member(name=f"new {number}", level=number, mentor_id=mentor)
        for number, mentor in enumerate([ANN, BEN, None, CID])
    )


@writes("member")
def members_change_by_sql() -> None:
    sql("UPDATE zoo_member SET level = level + 1, mentor_id = id - 1 WHERE id IN (2, 3, 4)")


@writes("profile")
def a_profile_is_made() -> None:
    Profile.objects.create(member_id=CID, city="Oslo")


@writes("profile")
def people_move_by_update() -> None:
    Profile.objects.filter(member__in=[ANN, BEN]).update(city=swapped("city", "Rome", "Oslo"))


@writes("profile")
def a_profile_is_given_to_another_by_sql() -> None:
    sql("UPDATE zoo_profile SET member_id = %s WHERE member_id = %s", DAN, BEN)


@writes("profile")
def a_profile_is_deleted() -> None:
    Profile.objects.get(member_id=CID).delete()


@writes("friends")
def friends_are_added() -> None:
    Member.objects.get(pk=CID).friends.add(ANN, BEN, DAN)


@writes("friends")
def friends_are_set() -> None:
    Member.objects.get(pk=BEN).friends.set([DAN, CID])


@writes("friends")
def a_friend_is_removed() -> None:
    Member.objects.get(pk=CID).friends.remove(ANN)


@writes("friends")
def friends_change_by_sql() -> None:
    sql("UPDATE zoo_member_friends SET to_member_id = 1 WHERE to_member_id = 4")


@writes("friends")
def friends_are_cleared() -> None:
    Member.objects.get(pk=BEN).friends.clear()


# channels and who is in them


@writes("channel")
def channels_trade_names() -> None:
    Channel.objects.filter(pk__in=[RED, BLUE]).update(name=swapped("name", "red", "blue"))


@writes("channel")
def channels_are_created() -> None:
    Channel.objects.bulk_create([Channel(name="red"), Channel(name="blue"), Channel(name="x")])


@writes("channel")
def a_channel_is_renamed_by_save() -> None:
    channel = Channel.objects.get(pk=RED)
    channel.name = "red"
    channel.save(update_fields=["name"])


@writes("membership")
def members_are_added() -> None:
    Channel.objects.get(pk=BLUE).members.add(ANN, CID, through_defaults={"role": "owner"})


@writes("membership")
def a_member_is_removed_from_the_other_side() -> None:
    Member.objects.get(pk=ANN).channels.remove(RED)


@writes("membership")
def members_are_set() -> None:
    Channel.objects.get(pk=RED).members.set([ANN, BEN])


@writes("membership")
def roles_trade_places() -> None:
    Membership.objects.update(role=swapped("role", "guest", "owner"))


@writes("membership")
def memberships_change_by_sql() -> None:
    sql("UPDATE zoo_membership SET channel_id = 3 - channel_id WHERE member_id <> 2")
    sql("INSERT INTO zoo_membership (channel_id, member_id, role) VALUES (3, 2, 'guest')")


@writes("membership")
def a_membership_is_doubled() -> None:
    Membership.objects.bulk_create(
        Membership(channel_id=RED, member_id=member, role="owner") for member in (ANN, BEN, DAN)
    )


@writes("membership")
def members_are_cleared() -> None:
    Channel.objects.get(pk=BLUE).members.clear()


# messages and their labels


@writes("message")
def messages_are_created() -> None:
    Message.objects.bulk_create(
        Message(channel_id=channel, author_id=author, stars=channel + author, text="new")
        for channel, author in [(RED, ANN), (RED, DAN), (BLUE, DAN)]
    )


@writes("message")
def a_message_is_saved_elsewhere() -> None:
    message = Message.objects.get(pk=1)
    message.channel_id, message.author_id, message.stars = BLUE, BEN, 9
    message.save()


@writes("message")
def stars_are_given_by_update() -> None:
    Message.objects.filter(author=ANN).update(stars=F("stars") + 5, text="liked")


@writes("message")
def messages_change_by_sql() -> None:
    sql("UPDATE zoo_message SET channel_id = 3 - channel_id, stars = 10 - stars WHERE id > 3")


@writes("message")
def messages_without_labels_are_deleted_by_sql() -> None:
    sql("DELETE FROM zoo_message WHERE id IN (2, 6)")


@writes("labels")
def labels_are_added_from_the_other_side() -> None:
    Label.objects.get(pk=HOT).messages.add(3, 5)


@writes("labels")
def labels_are_set() -> None:
    Message.objects.get(pk=4).labels.set([HOT])
    Message.objects.get(pk=1).labels.set([COLD])


@writes("labels")
def a_label_is_removed() -> None:
    Message.objects.get(pk=5).labels.remove(COLD)


@writes("labels")
def labels_are_moved_by_sql() -> None:
    sql("UPDATE zoo_message_labels SET label_id = 3 - label_id")


@writes("labels")
def labels_are_cleared() -> None:
    Message.objects.get(pk=4).labels.clear()


@writes("label")
def labels_trade_names() -> None:
    Label.objects.update(name=swapped("name", "hot", "cold"))


# notes, about anything


@writes("note")
def a_note_is_stuck_to_another_channel() -> None:
    Note.objects.filter(pk=1).update(object_id=BLUE)


@writes("note")
def a_note_is_stuck_to_another_kind_of_thing() -> None:
    about_member = Note.objects.get(pk=3).content_type
    kept = Note.objects.get(pk=1)
    kept.content_type, kept.object_id = about_member, RED
    kept.save()


@writes("note")
def notes_are_made_for_channels() -> None:
    Note.objects.bulk_create(note(channel, "kept") for channel in Channel.objects.all())


@writes("note")
def notes_change_by_sql() -> None:
    sql("UPDATE zoo_note SET text = CASE text WHEN 'kept' THEN 'lost' ELSE 'kept' END")


@writes("note")
def a_channel_s_notes_are_cleared() -> None:
    Channel.objects.get(pk=RED).notes.all().delete()


# several tables at once

EVERYTHING = (
    "member",
    "profile",
    "friends",
    "channel",
    "membership",
    "message",
    "labels",
    "label",
    "note",
)


@writes(*EVERYTHING)
def much_happens_in_one_transaction() -> None:
    with transaction.atomic():
        eve = Member.objects.create(name="ann", email="ann@a.org", level=5, mentor_id=BEN)
        Profile.objects.create(member=eve, city="Rome")
        eve.friends.add(ANN, BEN)
        green = Channel.objects.create(name="red")
        for channel in (green, Channel.objects.get(pk=BLUE)):
            channel.members.add(eve, ANN, through_defaults={"role": "owner"})
            message = channel.messages.create(author=eve, stars=4, text="hello")
            message.labels.create(name="hot")
            channel.notes.create(text="kept")
        Membership.objects.filter(member=BEN).delete()
        Message.objects.filter(author=BEN).update(author=eve)
        Member.objects.filter(pk=BEN).update(name="ann", level=0)


@writes()
def a_catastrophe_is_rolled_back() -> None:
    try:
        with transaction.atomic():
            Member.objects.filter(pk__in=[ANN, BEN]).delete()
            Channel.objects.update(name="x")
            sql("TRUNCATE zoo_label CASCADE")
            raise RolledBack
    except RolledBack:
        pass


@writes(*EVERYTHING)
def half_of_it_is_rolled_back() -> None:
    with transaction.atomic():
        Channel.objects.filter(pk=BLUE).update(name="red")
        try:
            with transaction.atomic():
                Member.objects.all().delete()
                raise RolledBack
        except RolledBack:
            Message.objects.filter(pk=4).delete()
        Member.objects.filter(pk=ANN).update(name="ann", email="ann@a.org")
        Note.objects.update(text="kept")


@writes(*EVERYTHING)
def a_member_is_deleted_with_all_it_has() -> None:
    Member.objects.get(pk=ANN).delete()


@writes(*EVERYTHING)
def a_channel_is_deleted_with_all_it_has() -> None:
    Channel.objects.get(pk=BLUE).delete()


@writes(*EVERYTHING)
def everything_is_truncated() -> None:
    sql(f"TRUNCATE {TABLES} CASCADE")


@writes(*EVERYTHING)
def everything_is_there_again() -> None:
    with transaction.atomic():
        begin()
