"""From a query's WHERE clause to a condition that Python decides, where that is provably exact.

Sure are: columns of the query's only table, compared with constants by Django's own exact, in,
isnull, range and order lookups, on types whose comparison `values` reproduces. Everything else
raises `NotDecidable` with the reason, and the database decides.
"""

from __future__ import annotations

import re
from typing import Any

from django.core.exceptions import EmptyResultSet, FullResultSet
from django.db.models import Lookup
from django.db.models.expressions import Col
from django.db.models.lookups import Exact
from django.db.models.sql import Query
from django.db.models.sql.where import AND, OR, WhereNode

from dddp.changefeed.hidden import is_hidden
from dddp.livequery import catalog
from dddp.livequery.catalog import Column
from dddp.livequery.predicates import (
    ORDERINGS,
    Condition,
    Term,
    Unsure,
    all_of,
    always,
    any_of,
    is_null,
    negation,
    one_of,
    ordering,
)
from dddp.livequery.values import COMPARABLES, Comparable
from dddp.livequery.walk import conjuncts

# An image shows JSON's null and SQL's NULL alike.
JSON_TYPES = ("json", "jsonb")
PLACEHOLDERS = re.compile(r"\(%s(?:, ?%s)*\)")


class NotDecidable(Exception):
    """Only the database can decide; the argument says why."""


def condition_of(query: Query, compiler: Any, columns: dict[str, Column]) -> Condition:
    """The condition of a compiled query over one table.

    Args:
        query: after compilation, so that unneeded joins are gone.
        columns: the catalogue's columns of the query's table.
    """
    _require_plain(query, compiler)
    return _Reader(query.get_initial_alias(), compiler, columns).node(query.where)


def necessary(query: Query, alias: str, using: str) -> Condition | None:
    """What a row at an alias must fulfil to make any difference to a query; None: nothing known.

    Rows that fail one of the ANDed conditions take part in nothing, before LIMIT and grouping,
    unless the condition lets pass what an outer join puts in their place.
    """
    columns = catalog.columns_of(using, query.alias_map[alias].table_name)
    reader = _Reader(alias, query.get_compiler(using), columns)
    parts = []
    for lookup in conjuncts(query.where):
        try:
            parts.append(reader.node(lookup))
        except NotDecidable:
            continue
    if not parts:
        return None
    whole = all_of(parts)
    return None if whole.test(dict.fromkeys(whole.columns)) is True else whole


def constant(lookup: Any, query: Query, using: str) -> tuple[str, Term] | None:
    """The alias and the term of a lookup `column = constant`; None if it is anything else."""
    if not isinstance(lookup, Exact) or type(lookup.lhs) is not Col:
        return None
    alias = lookup.lhs.alias
    columns = catalog.columns_of(using, query.alias_map[alias].table_name)
    try:
        terms = _Reader(alias, query.get_compiler(using), columns).lookup(lookup).terms
    except NotDecidable:
        return None
    return (alias, terms[0]) if terms else None


def _require_plain(query: Query, compiler: Any) -> None:
    base = query.get_initial_alias()
    filtered = {alias for alias, count in query.alias_refcount.items() if count}
    selected = {getattr(expression, "alias", None) for expression, _, _ in compiler.select}
    obstacles = {
        "it is sliced": query.is_sliced,
        "it combines queries": bool(query.combinator),
        "it is distinct": query.distinct,
        "it has annotations": bool(query.annotation_select),
        "it aggregates": query.group_by is not None,
        "it spans tables": filtered | selected != {base},
    }
    for reason, present in obstacles.items():
        if present:
            raise NotDecidable(reason)


class _Reader:
    def __init__(self, alias: str | None, compiler: Any, columns: dict[str, Column]) -> None:
        self.alias = alias
        self.compiler = compiler
        self.columns = columns

    def node(self, where: Any) -> Condition:
        if not isinstance(where, WhereNode):
            return self.lookup(where)
        if where.connector not in (AND, OR):
            raise NotDecidable(f"it combines conditions with {where.connector}")
        parts = [self.node(child) for child in where.children]
        if not parts:
            return Condition(always, (), frozenset())
        joined = all_of(parts) if where.connector == AND else any_of(parts)
        return negation(joined) if where.negated else joined

    def lookup(self, lookup: Any) -> Condition:
        if not isinstance(lookup, Lookup) or not type(lookup).__module__.startswith("django.db."):
            raise NotDecidable(f"it uses {type(lookup).__name__}")
        column = self.column(lookup)
        name = str(lookup.lookup_name)
        if name == "isnull" and self.columns[column].type not in JSON_TYPES:
            return is_null(column, bool(lookup.rhs))
        if not lookup.rhs_is_direct_value() or getattr(lookup, "bilateral_transforms", None):
            raise NotDecidable(f"the {name} of {column} is not with a constant")
        comparable = self.comparable(column, ordered=name not in ("exact", "in"))
        try:
            return _compare(name, column, comparable, self.params(lookup))
        except Unsure as error:
            raise NotDecidable(f"{column} is compared with {error.args[0]!r}") from None

    def column(self, lookup: Any) -> str:
        """The column that a lookup tests, if it tests one as it is."""
        left = lookup.lhs
        if type(left) is not Col or left.alias != self.alias:
            raise NotDecidable(f"it tests {left!r}")
        sql, _ = lookup.process_lhs(self.compiler, self.compiler.connection)
        if sql != left.as_sql(self.compiler, self.compiler.connection)[0]:
            raise NotDecidable(f"it tests {sql}")
        column = str(left.target.column)
        known = self.columns.get(column)
        if known is None or known.virtual or is_hidden(left.target):
            raise NotDecidable(f"{column} is not among the columns that changes tell of")
        return column

    def comparable(self, column: str, ordered: bool) -> Comparable:
        found = self.columns[column]
        comparable = COMPARABLES.get(found.type)
        if comparable is None or not found.deterministic or (ordered and not comparable.ordered):
            raise NotDecidable(f"{column} ({found.type}) compares by the database's own rules")
        return comparable

    def params(self, lookup: Any) -> list[Any]:
        """A lookup's constants as they go to the database."""
        try:
            sql, params = lookup.process_rhs(self.compiler, self.compiler.connection)
        except (EmptyResultSet, FullResultSet):
            raise NotDecidable(f"{lookup.lookup_name} is decided by the value alone") from None
        plain = sql == "%s" if isinstance(sql, str) else tuple(sql) == ("%s",) * len(params)
        if not plain and not (lookup.lookup_name == "in" and PLACEHOLDERS.fullmatch(sql)):
            raise NotDecidable(f"its value is written {sql}")
        return list(params)


def _compare(name: str, column: str, comparable: Comparable, params: list[Any]) -> Condition:
    values = [comparable.from_param(param) for param in params]
    if name == "in" or (name == "exact" and len(values) == 1):
        return one_of(column, comparable.from_image, frozenset(values))
    if name in ORDERINGS and len(values) == 1:
        return ordering(column, comparable.from_image, name, values[0])
    if name == "range" and len(values) == 2:
        ends = zip(("gte", "lte"), values, strict=True)
        return all_of([ordering(column, comparable.from_image, *end) for end in ends])
    raise NotDecidable(f"it uses the lookup {name}")
