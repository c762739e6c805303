"""Three-valued logic and index terms of conditions decided in Python."""

from decimal import Decimal

import pytest

from dddp.livequery.predicates import (
    Unsure,
    all_of,
    any_of,
    is_null,
    negation,
    one_of,
    ordering,
)
from dddp.livequery.values import COMPARABLES

NUMBER = COMPARABLES["int4"].from_image
TEXT = COMPARABLES["text"].from_image

TRUE = is_null("missing", True)
FALSE = is_null("missing", False)
UNKNOWN = one_of("missing", NUMBER, frozenset([1]))
ROW = {"missing": None, "pages": 5, "title": "Emma"}


@pytest.mark.parametrize(
    ("left", "right", "both", "either"),
    [
        (TRUE, TRUE, True, True),
        (TRUE, FALSE, False, True),
        (TRUE, UNKNOWN, None, True),
        (FALSE, FALSE, False, False),
        (FALSE, UNKNOWN, False, None),
        (UNKNOWN, UNKNOWN, None, None),
    ],
)
def test_and_and_or_follow_sql(left, right, both, either):
    assert all_of([left, right]).test(ROW) is both
    assert all_of([right, left]).test(ROW) is both
    assert any_of([left, right]).test(ROW) is either
    assert any_of([right, left]).test(ROW) is either


def test_not_unknown_is_unknown():
    assert negation(UNKNOWN).test(ROW) is None
    assert negation(TRUE).test(ROW) is False
    assert negation(FALSE).test(ROW) is True


def test_is_null_is_never_unknown():
    assert is_null("missing", True).test(ROW) is True
    assert is_null("pages", True).test(ROW) is False


@pytest.mark.parametrize(
    ("lookup", "bound", "expected"),
    [("gt", 4, True), ("gt", 5, False), ("gte", 5, True), ("lt", 5, False), ("lte", 5, True)],
)
def test_orderings(lookup, bound, expected):
    assert ordering("pages", NUMBER, lookup, bound).test(ROW) is expected


def test_integers_and_decimals_compare_exactly():
    condition = one_of("price", NUMBER, frozenset([Decimal("0.1")]))
    assert condition.test({"price": Decimal("0.10")}) is True
    assert condition.test({"price": Decimal("0.1000000000000000000001")}) is False


def test_a_column_that_the_image_lacks_is_unsure():
    with pytest.raises(Unsure):
        one_of("secret", TEXT, frozenset(["x"])).test(ROW)


@pytest.mark.parametrize(
    ("type_name", "image"),
    [
        ("numeric", "NaN"),
        ("timestamptz", "infinity"),
        ("timestamptz", "0044-03-15T00:00:00+00:00 BC"),
        ("date", "infinity"),
        ("date", "0044-03-15 BC"),
    ],
)
def test_values_that_python_has_not_are_unsure(type_name, image):
    with pytest.raises(Unsure):
        COMPARABLES[type_name].from_image(image)


def test_moments_compare_across_zones():
    convert = COMPARABLES["timestamptz"].from_image
    assert convert("2026-01-01T12:00:00+00:00") == convert("2026-01-01T14:00:00.000+02:00")


def test_only_conditions_joined_by_and_are_index_terms():
    pages, title = one_of("pages", NUMBER, frozenset([5])), one_of("title", TEXT, frozenset("E"))
    assert [term.column for term in all_of([pages, title]).terms] == ["pages", "title"]
    assert any_of([pages, title]).terms == ()
    assert negation(pages).terms == ()
