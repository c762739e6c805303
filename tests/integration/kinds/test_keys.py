"""Documents named by an `AleaIdField` beside the primary key, and what refers to such documents."""

from contextlib import AsyncExitStack

import pytest
from django.db import transaction
from django.db.models import Count, Exists, F, OuterRef, Q, Subquery, Sum, Window
from django.db.models.functions import RowNumber
from following import running_hub, sql
from stories import Over, RolledBack, Story
from wire_values import documents

from dddp.exceptions import QueryNotLive
from dddp.livequery import catalog
from tools.inprocess import InProcess, quiet
from tools.plans import plan_of
from zoo.ddp import shown
from zoo.models import Novel, Piece, Review, Signed, Stamped, StampedToo, Topic, Writer

STORY = Story()
writes = STORY.writes
ANN, BEN, CID = 1, 2, 3
EVERYTHING = ("writer", "friends", "topic", "piece", "topics", "novel", "review", "judges")
TABLES = (
    "zoo_review_judges, zoo_review, zoo_novel, zoo_piece_topics, zoo_piece, zoo_topic, "
    "zoo_writer_friends, zoo_writer, zoo_signed"
)


@STORY.beginning
def begin():
    sql(f"TRUNCATE {TABLES} RESTART IDENTITY CASCADE")
    populate()


def populate():
    # What is first by its primary key is last by its id.
    ann = Writer.objects.create(name="ann", aid="zann", level=1)
    ben = Writer.objects.create(name="ben", aid="yben", level=2, mentor=ann)
    cid = Writer.objects.create(name="cid", aid="xcid", level=3, mentor=ben)
    ann.friends.add(ben, cid)
    hot, cold = Topic.objects.create(name="hot", aid="z"), Topic.objects.create(name="cold")
    for number, (author, editor) in enumerate([(ann, ben), (ann, None), (ben, cid), (None, ann)]):
        piece = Piece.objects.create(title="t", stars=number, author=author, editor=editor)
        piece.topics.set([cold, hot][: number % 3])
    novel = Novel.objects.create(title="n", stars=9, author=ann, editor=ben, pages=3)
    Novel.objects.create(title="m", stars=5, author=cid, pages=7)
    novel.topics.set([hot])
    for piece, judge in ((novel, ben), (Piece.objects.get(pk=3), cid)):
        review = Review.objects.create(piece=piece, novel=novel, text="fine")
        review.judges.set([ann, judge])
    Signed.objects.create(name="sue", motto="x", aid="sue")


# ids of documents change


@writes("writer")
def a_writer_s_id_changes():
    Writer.objects.filter(pk=ANN).update(aid="first")


@writes("writer")
def ids_trade_places():
    with transaction.atomic():
        Writer.objects.filter(pk=ANN).update(aid="-")
        Writer.objects.filter(pk=BEN).update(aid="first")
        Writer.objects.filter(pk=ANN).update(aid="yben")


@writes("piece")
def a_piece_s_id_changes_by_save():
    piece = Piece.objects.get(pk=1)
    piece.aid, piece.stars = "one", 4
    piece.save()


@writes("piece")
def the_ids_of_all_pieces_change_by_sql():
    sql("UPDATE zoo_piece SET aid = 'x' || reverse(aid) WHERE length(aid) < 17")
    sql("UPDATE zoo_piece SET aid = reverse(aid)")


@writes("topic")
def the_ids_of_topics_trade_places_in_one_transaction():
    with transaction.atomic():
        hot, cold = Topic.objects.order_by("pk")
        one, other = hot.aid, cold.aid
        for topic, aid in ((hot, "?"), (cold, one), (hot, other)):
            topic.aid = aid
            topic.save(update_fields=["aid"])


@writes("signed")
def the_id_of_a_child_changes():
    Signed.objects.update(aid=F("motto"), motto=F("aid"))


@writes("piece")
def a_row_with_the_id_of_another_takes_its_place():
    with transaction.atomic():
        piece = Piece.objects.get(pk=4)
        Piece.objects.filter(pk=4).delete()
        Piece.objects.create(title="again", aid=piece.aid, stars=8, author_id=BEN, editor_id="yben")


# what they refer to changes


@writes("piece")
def authors_trade_places():
    Piece.objects.filter(author__in=[ANN, BEN]).update(author_id=3 - F("author_id"))


@writes("piece")
def an_author_is_taken_away_and_another_is_given():
    Piece.objects.filter(pk=1).update(author=None)
    Piece.objects.filter(pk=3).update(author=CID, stars=7)


@writes("piece")
def an_editor_comes():
    Piece.objects.filter(pk=2).update(editor_id="xcid")


@writes("writer")
def mentors_change():
    Writer.objects.filter(pk=CID).update(mentor=ANN, level=1)
    Writer.objects.filter(pk=BEN).update(mentor=None, name="ann")


@writes("friends")
def friends_change():
    Writer.objects.get(pk=BEN).friends.add(CID)
    Writer.objects.get(pk=ANN).friends.remove(CID)


@writes("topics")
def topics_are_set():
    Piece.objects.get(pk=1).topics.set(Topic.objects.all())
    Piece.objects.get(pk=3).topics.set(Topic.objects.filter(name="hot"))


@writes("topics")
def topics_are_moved_by_sql():
    sql("UPDATE zoo_piece_topics SET topic_id = 3 - topic_id WHERE piece_id = 5")


@writes("topic")
def a_topic_is_renamed():
    Topic.objects.filter(name="cold").update(name="hot")


@writes("novel")
def novels_grow():
    Novel.objects.filter(pages__lt=5).update(pages=7)


@writes("review")
def reviews_change():
    Review.objects.filter(pk=1).update(piece=3, text="bad")
    Review.objects.create(piece_id=1, text="fine", novel=Novel.objects.get(title="m"))


@writes("judges")
def judges_are_set():
    Review.objects.get(pk=1).judges.set([CID, ANN])


@writes("piece", "novel")
def a_piece_becomes_a_novel_by_sql():
    sql("INSERT INTO zoo_novel (piece_ptr_id, pages) VALUES (1, 7)")


@writes("novel")
def a_novel_is_a_piece_again():
    Novel.objects.get(pk=1).delete(keep_parents=True)


# several at once


@writes(*EVERYTHING)
def much_happens_in_one_transaction():
    with transaction.atomic():
        eve = Writer.objects.create(name="ann", level=2, mentor_id=CID)
        eve.friends.add(ANN)
        topic = Topic.objects.create(name="hot")
        novel = Novel.objects.create(title="e", stars=6, author=eve, editor=eve, pages=3)
        novel.topics.add(topic)
        Review.objects.create(piece=novel, novel=novel, text="fine").judges.add(eve)
        Writer.objects.filter(pk=eve.pk).update(aid="eve")
        Piece.objects.filter(author=CID).update(author=eve, stars=8)


@writes()
def all_of_it_is_rolled_back():
    try:
        with transaction.atomic():
            Writer.objects.filter(pk=CID).update(aid="?")
            Piece.objects.all().delete()
            raise RolledBack
    except RolledBack:
        pass


@writes()
def an_id_goes_there_and_back():
    with transaction.atomic():
        piece = Piece.objects.get(pk=1)
        Piece.objects.filter(pk=1).update(aid="away")
        piece.save()


@writes(*EVERYTHING)
def a_writer_goes_with_all_pieces():
    Writer.objects.get(pk=ANN).delete()


@writes(*EVERYTHING, "signed")
def everything_is_truncated():
    sql(f"TRUNCATE {TABLES} CASCADE")


@writes(*EVERYTHING, "signed")
def everything_is_there_again():
    with transaction.atomic():
        begin()


P = Piece.objects
NAMES = ("ann", "ben")
TITLES = ("t", "n")
KINDS = {
    "by its own column": Over(
        lambda name: Writer.objects.filter(name=name), NAMES, "writer friends"
    ),
    "by the id": Over(
        lambda aid: Writer.objects.filter(aid=aid).only("name"), ("yben", "first"), "writer"
    ),
    "by ids": Over(
        lambda aids: Writer.objects.filter(aid__in=aids).defer("aid", "friends"),
        (["yben", "xcid"], ["first", "zann"]),
        "writer",
    ),
    "references": Over(lambda title: P.filter(title=title), TITLES, "piece writer topic topics"),
    "only a reference": Over(
        lambda title: P.filter(title=title).only("author"), TITLES, "piece writer"
    ),
    "only a reference to the id": Over(
        lambda title: P.filter(title=title).only("editor"), TITLES, "piece"
    ),
    "by a reference": Over(
        lambda author: P.filter(author=author).only("title"), (ANN, BEN), "piece"
    ),
    "by a column of the other": Over(
        lambda name: P.filter(author__name=name), NAMES, "piece writer topic topics"
    ),
    "by two": Over(
        lambda name: P.filter(Q(author__name=name) | Q(editor__name=name)).only("stars"),
        NAMES,
        "piece writer",
    ),
    "by many-to-many": Over(
        lambda name: P.filter(topics__name=name).distinct().only("title"),
        ("hot", "cold"),
        "piece topics topic",
    ),
    "by a reverse relation": Over(
        lambda stars: Writer.objects.filter(pieces__stars__gte=stars),
        (5, 8),
        "piece writer friends",
    ),
    "in a subquery": Over(
        lambda text: P.filter(pk__in=Review.objects.filter(text=text).values("piece")).only(
            "stars"
        ),
        ("fine", "bad"),
        "piece review",
    ),
    "exists": Over(
        lambda name: Writer.objects.filter(
            Exists(Piece.objects.filter(author=OuterRef("pk"), topics__name=name))
        ).only("name"),
        ("hot", "cold"),
        "writer piece topics topic",
    ),
    "top": Over(
        lambda title: P.filter(title=title).order_by("-stars", "pk")[:1],
        TITLES,
        "piece writer topic topics",
    ),
    "offset": Over(
        lambda least: P.filter(stars__gte=least).only("stars").order_by("-stars", "pk")[1:3],
        (0, 3),
        "piece",
    ),
    "top by the id": Over(
        lambda level: Writer.objects.filter(level__gte=level).order_by("aid").only("name")[:1],
        (1, 2),
        "writer",
    ),
    "top by a count": Over(
        lambda least: (
            P.annotate(n=Count("topics")).filter(stars__gte=least).order_by("-n", "pk")[:2]
        ),
        (0, 5),
        "piece topics writer",
    ),
    "union": Over(
        lambda title: P.filter(title=title).union(P.filter(author=BEN)),
        TITLES,
        "piece writer topic topics",
    ),
    "union of fewer fields": Over(
        lambda title: P.filter(title=title).only("stars").union(P.filter(author=BEN).only("stars")),
        TITLES,
        "piece",
    ),
    "distinct on": Over(
        lambda stars: P.filter(stars__lte=stars).order_by("author", "-stars").distinct("author"),
        (3, 9),
        "piece writer topics topic",
    ),
    "counted": Over(
        lambda name: Writer.objects.filter(name=name).annotate(n=Count("pieces")),
        NAMES,
        "writer piece friends",
    ),
    "summed": Over(
        lambda least: Writer.objects.annotate(n=Sum("pieces__stars")).filter(n__gte=least),
        (4, 8),
        "writer piece friends",
    ),
    "annotated": Over(
        lambda title: P.filter(title=title).annotate(
            by=F("author__name"),
            best=Subquery(
                Review.objects.filter(piece=OuterRef("pk")).order_by("pk").values("text")[:1]
            ),
        ),
        TITLES,
        "piece writer review topics topic",
    ),
    "numbered": Over(
        lambda title: P.filter(title=title).annotate(
            row=Window(RowNumber(), partition_by="author", order_by="pk")
        ),
        TITLES,
        "piece writer topics topic",
    ),
    "named by the primary key": Over(
        lambda text: Review.objects.filter(text=text),
        ("fine", "bad"),
        "review judges piece writer",
    ),
    "by the column of what is referred to": Over(
        lambda stars: Review.objects.filter(piece__stars__gte=stars),
        (2, 8),
        "review judges piece writer",
    ),
    "child": Over(
        lambda pages: Novel.objects.filter(pages=pages), (3, 7), "novel piece writer topics topic"
    ),
    "child, by the parent": Over(
        lambda name: Novel.objects.filter(author__name=name).only("title"),
        ("ann", "cid"),
        "piece writer",
    ),
    "child, only its own": Over(
        lambda stars: Novel.objects.filter(stars__gte=stars).only("pages"),
        (5, 9),
        "novel piece",
    ),
    "child, top": Over(
        lambda pages: Novel.objects.filter(pages=pages).order_by("-stars")[:1],
        (3, 7),
        "novel piece writer topics topic",
    ),
    "child with a key of its own": Over(
        lambda motto: Signed.objects.filter(motto=motto), ("x", "sue"), "signed"
    ),
    "topics": Over(
        lambda name: Topic.objects.filter(pieces__author__name=name), NAMES, "topic writer piece"
    ),
}


@pytest.mark.parametrize(
    ("queryset", "technique"),
    [
        (Stamped.objects.filter(label="a"), "decided from the row"),
        (Stamped.objects.filter(aid="a"), "decided from the row"),
        (P.only("title", "editor"), "decided from the row"),
        (P.only("author"), "the id that author_id stands for is in another row"),
        (Writer.objects.filter(level=1), "the id that mentor_id stands for is in another row"),
        (Novel.objects.filter(pages=1), "run again"),
    ],
)
def test_how_changes_get_in(database, queryset, technique):
    assert technique in plan_of(queryset).technique


async def test_a_table_of_two_models_with_two_keys(database):
    """Rows of a transaction are netted by one of them only."""
    sql("TRUNCATE zoo_stamped")
    shown["by id"], shown["by key"] = [Stamped.objects.all()], [StampedToo.objects.all()]
    async with AsyncExitStack() as stack:
        hub = await stack.enter_async_context(running_hub())
        clients = [await stack.enter_async_context(InProcess(hub)) for _ in range(2)]
        for client, names in zip(clients, (("by id", "by key"), ("by key", "by id")), strict=True):
            for name in names:
                await client.subscribe("Shown", name)
        for step in (
            lambda: Stamped.objects.bulk_create([Stamped(label="a", aid="a"), Stamped(aid="b")]),
            lambda: sql("UPDATE zoo_stamped SET label = label || 'x'"),
            swap("stamp no", "'a'", "'b'", "'c'"),
            swap("id", "1", "2", "-1"),
            lambda: Stamped.objects.filter(aid="a").delete(),
        ):
            step()
            await quiet(hub)
            expected = {
                model._meta.label_lower: documents(model.objects.all())
                for model in (Stamped, StampedToo)
            }
            for client in clients:
                assert client.collections == expected
                assert client.violations == []


def swap(column, one, two, other):
    """Two rows trade their values of a unique column within a transaction."""

    def step():
        with transaction.atomic():
            for before, after in ((one, other), (two, one), (other, two)):
                sql(f'UPDATE zoo_stamped SET "{column}" = {after} WHERE "{column}" = {before}')

    return step


def test_the_database_has_to_hold_what_the_model_says(database):
    sql('ALTER TABLE zoo_stamped ALTER COLUMN "stamp no" DROP NOT NULL')
    catalog.forget()
    try:
        with pytest.raises(QueryNotLive, match=r"zoo\.Stamped\.aid.*NOT NULL"):
            plan_of(Stamped.objects.all())
    finally:
        sql('ALTER TABLE zoo_stamped ALTER COLUMN "stamp no" SET NOT NULL')
        catalog.forget()


@pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
def test_a_kind_of_keys(told, kind):
    kind.check(told[kind])
