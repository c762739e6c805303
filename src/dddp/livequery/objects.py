"""Documents made of model instances instead of rows: what Python computes can be published too."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from django.core.exceptions import FieldError
from django.db import connections, transaction
from django.db.models import Model, Prefetch, QuerySet

from dddp.exceptions import ConfigurationError
from dddp.livequery.document import Id, OpenShape, Values, encode_id
from dddp.livequery.keys import document_key

logger = logging.getLogger("dddp.livequery")

AT_ONCE = 1000
"""Objects loaded by one statement."""


@dataclass(frozen=True, slots=True)
class Objects:
    """What to make of objects.

    Attributes:
        serialize: gives an object's published values by name, without the id. Called in worker
            threads; the same for equal objects of all queries. Equal ones make equal documents.
        reads: lookup paths of what it reads beyond the object's own columns.
        references: names of the foreign keys that it reads the other object of.
    """

    serialize: Callable[[Any], Mapping[str, Any]]
    reads: tuple[str, ...]
    references: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class ObjectLoader:
    """Loads objects and makes documents of them.

    Attributes:
        queryset: of all objects that may be wanted.
        prefetched: equal only for loaders whose querysets prefetch the same.
    """

    queryset: QuerySet[Any]
    serialize: Callable[[Any], Mapping[str, Any]]
    shape: OpenShape
    prefetched: tuple[Any, ...]

    def documents(self, pks: Sequence[Any]) -> dict[Id, Values]:
        """The documents of the objects with these keys, as in images, that exist."""
        found: dict[Id, Values] = {}
        for start in range(0, len(pks), AT_ONCE):
            found.update(self._load(pks[start : start + AT_ONCE]))
        return found

    def _load(self, pks: Sequence[Any]) -> Iterator[tuple[Id, Values]]:
        model: Any = self.queryset.model
        key = document_key(model)
        wanted = {key.to_python(value): encode_id(value) for value in pks}
        name = "pk" if key.primary_key else key.name
        for obj in self.queryset.filter(**{f"{name}__in": list(wanted)}):
            values = self._serialized(obj)
            if values is not None:
                yield wanted[getattr(obj, key.attname)], values

    def _serialized(self, obj: Model) -> Values | None:
        try:
            return self.shape.from_mapping(self.serialize(obj))
        except Exception:
            what = f"{obj._meta.label} {obj.pk}"
            logger.exception("%s cannot be published and is left out", what)
            return None


@contextmanager
def one_snapshot(using: str) -> Iterator[None]:
    """All statements within see the same."""
    with transaction.atomic(using=using):
        with connections[using].cursor() as cursor:
            cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
        yield


def prefetched_by(queryset: Any) -> tuple[Any, ...]:
    """What objects have by `Prefetch`; equal only if it is the same while this one is kept."""
    return tuple(
        (each.prefetch_to, None if each.queryset is None else id(each))
        for each in queryset._prefetch_related_lookups
        if isinstance(each, Prefetch)
    )


def path_queryset(model: type[Model], paths: Sequence[str]) -> Any:
    """A queryset that joins all that the paths lead over."""
    try:
        return model._base_manager.order_by().values_list("pk", *paths)
    except FieldError as error:
        raise ConfigurationError(
            f"What is read of {model._meta.label} is named wrongly: {error}"
        ) from error
