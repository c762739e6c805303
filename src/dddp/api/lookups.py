"""What lookup paths such as `author__email` lead over. Asks no database."""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Iterable, Iterator, Mapping
from decimal import Decimal
from enum import Enum
from typing import Any

from django.core.exceptions import FieldError
from django.db.models import Field, Model, Q
from django.db.models.constants import LOOKUP_SEP
from django.db.models.sql import Query

CONSTANTS = (str, int, float, Decimal, Enum, dt.date, dt.time, dt.timedelta, uuid.UUID)


def resolved(model: type[Model], path: str) -> tuple[list[type[Model]], Field[Any, Any]]:
    """The models a path leads over, the first included, and the field it ends with.

    Raises FieldError for a path that leads nowhere, or goes on behind its last field.
    """
    steps, last, _, _ = _walked(model, path, fail_on_missing=True)
    return [model, *(each for step in steps for each in _models(step))], last


def models_over(model: type[Model], paths: Iterable[str]) -> list[type[Model]]:
    """The models that paths lead over, maybe with a lookup at the end; wrong ones are ignored."""
    found: dict[type[Model], None] = {}
    for path in paths:
        try:
            steps, _, _, _ = _walked(model, path, fail_on_missing=False)
        except FieldError:
            continue
        found.update(dict.fromkeys(each for step in steps for each in _models(step)))
    return list(found)


def paths_in(condition: Q | Mapping[str, Any] | None) -> Iterator[str]:
    """The lookups that a condition names."""
    if isinstance(condition, Mapping):
        yield from condition
    elif condition is not None:
        for child in condition.children:
            if isinstance(child, Q):
                yield from paths_in(child)
            elif isinstance(child, tuple):
                yield child[0]


def is_constant(condition: Any) -> bool:
    """Does a condition, or a part of it, compare with constants only, and nothing lazy?"""
    # A lazy object would be evaluated by isinstance().
    kind = type(condition)
    if issubclass(kind, Q):
        return all(map(is_constant, condition.children))
    if issubclass(kind, Mapping):
        return all(map(is_constant, condition.values()))
    if issubclass(kind, list | tuple | set | frozenset):
        return all(map(is_constant, condition))
    return condition is None or issubclass(kind, CONSTANTS)


def is_relation_to(model: type[Model], path: str, target: type[Model]) -> bool:
    """Does a path end with a relation to the target?

    False if it ends with the target's primary key. Raises FieldError for any other.
    """
    models, last = resolved(model, path)
    concrete = target._meta.concrete_model
    if last.is_relation and _concrete(models[-1], last) is concrete:
        return True
    if last.primary_key and last.model._meta.concrete_model is concrete:
        return False
    raise FieldError(f"{path!r} leads to {last}, and not to {target._meta.label}.")


def _concrete(end: type[Model], last: Field[Any, Any]) -> Any:
    related = last.related_model
    return related._meta.concrete_model if isinstance(related, type) else end


def _walked(model: type[Model], path: str, fail_on_missing: bool) -> Any:
    names = path.removeprefix("-").split(LOOKUP_SEP)
    return Query(model).names_to_path(names, model._meta, fail_on_missing=fail_on_missing)


def _models(step: Any) -> list[type[Model]]:
    return [step.from_opts.model, step.to_opts.model]
