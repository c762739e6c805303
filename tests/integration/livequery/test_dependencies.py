"""A query is asked again when any table changes that PostgreSQL reads for it."""

import json
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import connection
from django.db.models import (
    Case,
    Count,
    Exists,
    FilteredRelation,
    OuterRef,
    Q,
    Subquery,
    When,
    Window,
)
from django.db.models.functions import Length, RowNumber

from bookstore.models import Author, Book
from tools.plans import plan_of
from zoo.models import Person


def by_author():
    return Book.objects.order_by("author__name")


QUERYSETS = {
    "union of slices inside": lambda: Book.objects.filter(
        pk__in=by_author()[:3].union(by_author()[3:5]).values("pk")
    ),
    "union with a slice": lambda: by_author()[:3].union(Book.objects.filter(pages=1)),
    "slice as the second part": lambda: Book.objects.filter(
        pk__in=Book.objects.filter(pages=1).union(by_author()[:2]).values("pk")
    ),
    "ordered subquery": lambda: Author.objects.annotate(
        first=Subquery(
            Book.objects.filter(author=OuterRef("pk")).order_by("author__name").values("title")[:1]
        )
    ),
    "child of a parent": lambda: Person.objects.filter(employee__salary__gt=3),
    "many relations": lambda: Person.objects.filter(staff__boss__staff__tags__name="x"),
    "excluded": lambda: Person.objects.exclude(tags__name="x"),
    "excluded further away": lambda: Person.objects.exclude(staff__tags__name="x"),
    "filtered relation": lambda: Person.objects.annotate(
        known=FilteredRelation("tags", condition=Q(tags__name="x"))
    ).filter(known__isnull=False),
    "filtered count": lambda: Author.objects.annotate(
        n=Count("books", filter=Q(books__author__email="x"))
    ),
    "window": lambda: Book.objects.annotate(rank=Window(RowNumber(), order_by="author__name")),
    "ordered by a case": lambda: Book.objects.order_by(
        Case(When(author__name="x", then=1), default=2)
    )[:2],
    "ordered by a subquery": lambda: Book.objects.order_by(
        Subquery(Author.objects.filter(pk=OuterRef("author")).values("name")[:1])
    )[:2],
    "exists in a union": lambda: Book.objects.filter(
        Exists(by_author()[:3].union(by_author()[:1]))
    ),
    "distinct on": lambda: Book.objects.distinct("author__name").order_by("author__name"),
    "ordered by an alias": lambda: Book.objects.alias(n=Length("author__name")).order_by("n")[:2],
}


def relations(node):
    """The tables in what EXPLAIN says."""
    if isinstance(node, dict):
        own = {node["Relation Name"]} if "Relation Name" in node else set()
        return own.union(*map(relations, node.values()))
    return set().union(*map(relations, node)) if isinstance(node, list) else set()


@pytest.mark.parametrize("make", QUERYSETS.values(), ids=QUERYSETS)
def test_every_table_that_postgresql_reads_is_watched(db_project, make):
    plan = plan_of(make())
    with connection.cursor() as cursor:
        cursor.execute("EXPLAIN (FORMAT JSON) " + plan.sql, plan.params)
        (found,) = cursor.fetchone()
    found = relations(json.loads(found) if isinstance(found, str) else found)
    assert found
    assert found <= plan.tables


THREADS = 6
ROUNDS = 100


def shared():
    """A queryset as `queries = [...]` of a class holds it, with another one inside."""
    inner = Book.objects.order_by("author__name").values("pk")[:3]
    return Book.objects.filter(pk__in=inner)


@pytest.fixture
def many_switches():
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    yield
    sys.setswitchinterval(interval)


def test_a_queryset_of_a_class_may_be_asked_for_by_all_threads_at_once(db_project, many_switches):
    expected = plan_of(shared())
    querysets = [shared() for _ in range(ROUNDS)]
    together = threading.Barrier(THREADS)

    def work(_):
        together.wait()
        try:
            plans = [plan_of(queryset) for queryset in querysets]
        finally:
            connection.close()
        return {(plan.sql, plan.tables) for plan in plans}

    with ThreadPoolExecutor(THREADS) as pool:
        found = set().union(*pool.map(work, range(THREADS)))
    assert found == {(expected.sql, expected.tables)}
