"""What of a published queryset a collection lets a user see."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from django.contrib.auth import get_user_model
from django.db.models import Q, QuerySet

from dddp.api.lookups import is_relation_to
from dddp.exceptions import QueryNotLive

if TYPE_CHECKING:
    from dddp.api.collection import Collection


def restricted(collection: Collection, queryset: QuerySet[Any], user: Any) -> QuerySet[Any]:
    """The rows of a queryset that a collection lets a user see.

    Of a sliced one, that many of these rows. Raises QueryNotLive for a combined one.
    """
    limits = [*_base(collection), *_conditions(collection, user)]
    if not limits:
        return queryset
    if queryset.query.combinator:
        raise QueryNotLive(
            "It is combined of several, and its Collection's qs_filter, user_rel or "
            "get_queryset() cannot be added after that: publish the parts as querysets of their "
            "own, or combine conditions with Q objects."
        )
    low, high = queryset.query.low_mark, queryset.query.high_mark
    is_plain = _is_plain(queryset)
    found = queryset.all()
    found.query.clear_limits()
    for limit in limits:
        found = _limited(found, limit, is_plain)
    found.query.set_limits(low, high)
    return found


def ordered(queryset: QuerySet[Any], order_by: Sequence[Any]) -> QuerySet[Any]:
    """With this order, if it is sliced and has none of its own: else order decides nothing."""
    query = queryset.query
    if not order_by or not query.is_sliced or query.order_by or query.extra_order_by:
        return queryset
    found = queryset.all()
    found.query.add_ordering(*order_by)
    return found


def _limited(queryset: QuerySet[Any], limit: Q | QuerySet[Any], is_plain: bool) -> QuerySet[Any]:
    if isinstance(limit, Q):
        if is_plain:
            return queryset.filter(limit)
        return queryset.filter(pk__in=queryset.model._base_manager.filter(limit).values("pk"))
    if limit.query.is_empty():
        return queryset.none()
    if is_plain and _is_simple(limit) and limit.model is queryset.model:
        return queryset & limit.order_by()
    return queryset.filter(pk__in=limit.values("pk"))


def _is_plain(queryset: QuerySet[Any]) -> bool:
    """Do rows that a join repeats change nothing? Documents are keyed by their ids."""
    query = queryset.query
    return not (
        query.is_sliced or query.distinct or query.annotations or query.group_by is not None
    )


def _is_simple(queryset: QuerySet[Any]) -> bool:
    """Is it but a condition on the rows of one table?"""
    query = queryset.query
    tables = [alias for alias, count in query.alias_refcount.items() if count]
    return len(tables) <= 1 and _is_plain(queryset) and not (query.combinator or query.extra)


def _base(collection: Collection) -> list[QuerySet[Any]]:
    from dddp.api.collection import Collection as Base

    if type(collection).get_queryset is Base.get_queryset:
        return []
    return [collection.get_queryset()]


def _conditions(collection: Collection, user: Any) -> list[Any]:
    found: list[Any] = []
    if collection.qs_filter is not None:
        given = collection.qs_filter
        found.append(given if isinstance(given, Q) else Q(**given))
    if collection.user_rel is None:
        return found
    if collection.always_allow_superusers and getattr(user, "is_superuser", False):
        return found
    if not user.is_authenticated:
        return [collection.model._base_manager.none()]
    mine = Q()
    for path in collection.user_paths():
        is_relation = is_relation_to(collection.model, path, get_user_model())
        mine |= Q(**{path: user if is_relation else user.pk})
    return [*found, mine]
