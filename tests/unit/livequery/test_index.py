"""Finding the queries that a row concerns."""

from dddp.livequery.index import TableIndex
from dddp.livequery.predicates import all_of, is_null, one_of
from dddp.livequery.values import COMPARABLES

NUMBER = COMPARABLES["int4"].from_image
TEXT = COMPARABLES["text"].from_image


def equals(column, *values, convert=NUMBER):
    return one_of(column, convert, frozenset(values))


def test_only_queries_with_the_row_s_value_are_found():
    index = TableIndex()
    for value in range(100):
        index.add(f"q{value}", equals("author_id", value))
    assert list(index.candidates([{"author_id": 7}])) == ["q7"]


def test_old_and_new_image_both_count():
    index = TableIndex()
    index.add("left", equals("author_id", 1))
    index.add("joined", equals("author_id", 2, 3))
    assert set(index.candidates([{"author_id": 1}, {"author_id": 3}])) == {"left", "joined"}


def test_queries_without_a_term_are_always_found():
    index = TableIndex()
    index.add("all", is_null("author_id", True))
    assert list(index.candidates([{"author_id": 9}])) == ["all"]


def test_null_equals_nothing():
    index = TableIndex()
    index.add("one", equals("author_id", 1))
    assert not index.candidates([{"author_id": None}])


def test_an_image_without_the_column_concerns_everyone():
    index = TableIndex()
    index.add("one", equals("secret", "x", convert=TEXT))
    assert list(index.candidates([{"id": 1}])) == ["one"]


def test_a_value_that_cannot_be_compared_concerns_everyone():
    index = TableIndex()
    index.add("one", equals("price", 1))
    assert list(index.candidates([{"price": "NaN"}])) == ["one"]


def test_discarded_queries_leave_nothing_behind():
    index = TableIndex()
    conditions = [equals("a", 1, 2), all_of([equals("a", 1), equals("b", 1)]), is_null("a", True)]
    for number, condition in enumerate(conditions):
        index.add(number, condition)
    for number, condition in enumerate(conditions):
        index.discard(number, condition)
    assert not index
    assert not index.candidates([{"a": 1, "b": 1}])
