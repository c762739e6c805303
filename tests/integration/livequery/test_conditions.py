"""Conditions: what Python decides equals what PostgreSQL selects, and the rest is left to it."""

import datetime as dt
import random
import uuid
from decimal import Decimal

import msgspec
import pytest
from django.db import connection
from django.db.models import Count, Exists, F, OuterRef, Q, Value
from django.db.models.functions import Length, Now

from bookstore.models import Author, Book
from dddp.api.registry import API
from dddp.exceptions import QueryNotLive
from dddp.livequery.analysis import analyse
from dddp.livequery.predicates import Unsure
from tools.plans import plan_of
from zoo.models import Employee, Folded, Named, Person, Specimen

UTC = dt.UTC
MOMENTS = [dt.datetime(2026, 1, day, 12, tzinfo=UTC) for day in (1, 2, 3)]
VALUES = {
    "text": ["", "a", "A", "ä", "b "],
    "short": ["", "a", "A"],
    "number": [-1, 0, 1, 5],
    "big": [0, 2**53, 2**53 + 1],
    "small": [0, 1],
    "exact": [Decimal("0.1"), Decimal("0.1000"), Decimal("0.2"), Decimal(3)],
    "flag": [True, False],
    "day": [dt.date(2026, 1, day) for day in (1, 2, 3)],
    "moment": [*MOMENTS, MOMENTS[0].astimezone(dt.timezone(dt.timedelta(hours=5)))],
    "token_id": [uuid.UUID(int=number) for number in (1, 2)],
}
ORDERED = {"number", "big", "small", "exact", "day", "moment"}


def images(table):
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT row_to_json(t)::text FROM {table} t")
        decode = msgspec.json.Decoder(float_hook=Decimal).decode
        return [decode(text) for (text,) in cursor.fetchall()]


def populate(rng, count=80):
    Specimen.objects.bulk_create(
        Specimen(
            **{
                name: None if rng.random() < 0.25 else rng.choice(values)
                for name, values in VALUES.items()
            }
        )
        for _ in range(count)
    )


def lookup(rng):
    name = rng.choice(list(VALUES))
    kinds = ["exact", "in", "isnull"]
    if name in ORDERED:
        kinds += ["gt", "gte", "lt", "lte", "range"]
    kind = rng.choice(kinds)
    pick = [rng.choice(VALUES[name]) for _ in range(rng.randint(1, 3))]
    if kind == "isnull":
        value = rng.random() < 0.5
    elif kind == "in":
        value = pick
    elif kind == "range":
        value = sorted([*pick, rng.choice(VALUES[name])])[:2]
    else:
        value = pick[0]
    if kind == "exact" and rng.random() < 0.2:
        value = None
    return Q(**{f"{name}__{kind}": value})


def condition(rng, depth=3):
    if depth == 0 or rng.random() < 0.3:
        found = lookup(rng)
    else:
        left, right = condition(rng, depth - 1), condition(rng, depth - 1)
        found = left & right if rng.random() < 0.5 else left | right
    return ~found if rng.random() < 0.3 else found


def test_python_decides_as_postgresql_selects(db_project):
    rng = random.Random(20260304)
    populate(rng)
    rows = images("zoo_specimen")
    decided = 0
    for _ in range(1500):
        q = condition(rng)
        queryset = Specimen.objects.filter(q) if rng.random() < 0.7 else Specimen.objects.exclude(q)
        plan = plan_of(queryset)
        if plan.condition is None:
            continue
        decided += 1
        ours = {row["id"] for row in rows if plan.condition.test(row) is True}
        assert ours == set(queryset.values_list("pk", flat=True)), q
        for term in plan.condition.terms:
            for row in rows:
                if row["id"] in ours:
                    assert term.convert(row[term.column]) in term.values
    assert decided > 1000


@pytest.mark.parametrize(
    ("queryset", "columns"),
    [
        (Book.objects.all(), []),
        (Book.objects.filter(author=1), ["author_id"]),
        (Book.objects.filter(author__in=[1, 2]), ["author_id"]),
        (Book.objects.filter(author__id=1), ["author_id"]),
        (Book.objects.filter(pk=7), ["id"]),
        (Book.objects.filter(title="Emma", pages__gt=3), ["title"]),
        (Book.objects.order_by("title").filter(pages=3), ["pages"]),
        (Book.objects.select_related("author").filter(pages=3), ["pages"]),
        (Named.objects.filter(pk=3).only("name"), ["id"]),
    ],
)
def test_terms_that_the_index_can_use(db_project, queryset, columns):
    plan = plan_of(queryset)
    assert plan.condition is not None, plan.reason
    assert [term.column for term in plan.condition.terms] == columns
    assert len(plan.tables) == 1


ASKED = [
    (lambda: Book.objects.filter(author__email="a"), {"bookstore_book", "bookstore_author"}),
    (lambda: Author.objects.filter(books__pages__gt=3), {"bookstore_book", "bookstore_author"}),
    (lambda: Book.objects.filter(title__iexact="a"), {"bookstore_book"}),
    (lambda: Book.objects.filter(title__gt="a"), {"bookstore_book"}),
    (lambda: Book.objects.filter(pages=F("price")), {"bookstore_book"}),
    (lambda: Book.objects.filter(published__year=2026), {"bookstore_book"}),
    (lambda: Book.objects.filter(Q(pages=1) ^ Q(price=2)), {"bookstore_book"}),
    (lambda: Book.objects.order_by("pages")[:3], {"bookstore_book"}),
    (lambda: Book.objects.order_by("author__name")[:3], {"bookstore_book", "bookstore_author"}),
    (lambda: Book.objects.distinct(), {"bookstore_book"}),
    (lambda: Book.objects.filter(pages=1).union(Book.objects.filter(pages=2)), {"bookstore_book"}),
    (
        lambda: Author.objects.annotate(n=Count("books")),
        {"bookstore_book", "bookstore_author"},
    ),
    (
        lambda: Author.objects.filter(Exists(Book.objects.filter(author=OuterRef("pk"), pages=1))),
        {"bookstore_book", "bookstore_author"},
    ),
    (
        lambda: Book.objects.filter(author__in=Author.objects.filter(name="x")),
        {"bookstore_book", "bookstore_author"},
    ),
    (lambda: Book.objects.annotate(size=Length("title")), {"bookstore_book"}),
    (lambda: Book.objects.alias(size=Length("title")).filter(size=3), {"bookstore_book"}),
    (lambda: Specimen.objects.filter(real=0.1), {"zoo_specimen"}),
    (lambda: Specimen.objects.filter(tree__a=1), {"zoo_specimen"}),
    (lambda: Specimen.objects.filter(names__contains=["a"]), {"zoo_specimen"}),
    (lambda: Specimen.objects.filter(address="10.0.0.1"), {"zoo_specimen"}),
    (lambda: Folded.objects.filter(name="a"), {"zoo_folded"}),
    (lambda: Employee.objects.filter(salary=3), {"zoo_employee", "zoo_person", "zoo_person_tags"}),
    (lambda: Employee.objects.only("name"), {"zoo_employee", "zoo_person"}),
    (lambda: Employee.objects.only("salary").filter(name="x"), {"zoo_employee", "zoo_person"}),
    (
        lambda: Book.objects.filter(pk__in=Book.objects.order_by("author__name").values("pk")[:3]),
        {"bookstore_book", "bookstore_author"},
    ),
    (lambda: Person.objects.all(), {"zoo_person", "zoo_person_tags"}),
    (lambda: Person.objects.filter(boss__boss__name="x"), {"zoo_person", "zoo_person_tags"}),
    (lambda: Person.objects.filter(tags__name="x"), {"zoo_person", "zoo_tag", "zoo_person_tags"}),
]


@pytest.mark.parametrize(("make", "tables"), ASKED)
def test_what_the_database_decides_depends_on_all_its_tables(db_project, make, tables):
    plan = plan_of(make())
    assert plan.condition is None
    assert plan.reason
    assert plan.tables == tables


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (lambda: Book.objects.values("title"), "only()"),
        (lambda: Book.objects.raw("SELECT * FROM bookstore_book"), "raw()"),
        (lambda: Book.objects.extra(where=["true"]), "extra()"),
        (lambda: Book.objects.order_by("?")[:3], "random order"),
        (lambda: Book.objects.filter(published__lt=Now()), "timezone.now()"),
        (lambda: Book.objects.annotate(at=Now()), "timezone.now()"),
    ],
)
def test_what_cannot_be_live_is_refused_with_the_reason(db_project, make, reason):
    queryset = make()
    collection = API.collection_for(Book)
    with pytest.raises(QueryNotLive, match=r".*" + reason.replace("(", r"\(").replace(")", r"\)")):
        analyse(queryset, collection.name, collection.published_fields(), "default")


def test_equal_querysets_have_equal_keys_and_others_not(db_project):
    def key(**filters):
        return plan_of(Book.objects.filter(**filters)).key

    assert key(pages=1) == key(pages=1)
    assert key(pages=1) != key(pages=2)
    assert key(title="1") != key(pages=1)
    assert plan_of(Book.objects.only("title")).key != plan_of(Book.objects.all()).key


def test_only_and_defer_narrow_the_fields(db_project):
    assert plan_of(Book.objects.only("title")).shape.names == ("title",)
    assert "price" not in plan_of(Book.objects.defer("price")).shape.names
    assert plan_of(Person.objects.only("name")).shape.names == ("name",)
    assert plan_of(Person.objects.all()).shape.names == ("name", "boss_id", "tags_ids")


def test_annotations_are_fields(db_project):
    plan = plan_of(Author.objects.annotate(n=Count("books"), one=Value(1)))
    assert plan.shape.names == ("name", "email", "n", "one")


def test_a_queryset_that_is_always_empty_needs_no_database(db_project):
    plan = plan_of(Book.objects.none())
    assert plan.sql == ""
    assert plan.tables == frozenset()


def test_values_that_python_cannot_compare_ask_the_database(db_project):
    condition = plan_of(Specimen.objects.filter(exact__gt=1)).condition
    with pytest.raises(Unsure):
        condition.test({"exact": "NaN"})
