"""What is wrong with the options of collections and publications, found without any SQL."""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from django.contrib.auth import get_user_model
from django.core.exceptions import FieldError, ValidationError
from django.db.models import Q

from dddp.api.arguments import takes_nothing
from dddp.api.collection import Collection
from dddp.api.lookups import is_relation_to, resolved
from dddp.api.publication import Publication
from dddp.api.writable import writable_fields
from dddp.exceptions import ConfigurationError
from dddp.livequery.keys import keys_beside, names_documents, root_key
from dddp.livequery.references import reference_problem


def collection_problems(collection: Collection) -> Iterator[str]:
    """A sentence for each option that does not fit the model."""
    for path in collection.user_paths():
        try:
            is_relation_to(collection.model, path, get_user_model())
        except FieldError as error:
            yield f"`user_rel` has to name lookup paths to the user. {error}"
    yield from _filter_problems(collection)
    yield from _order_problems(collection)
    for name, paths in _mapping(collection.properties).items():
        if not hasattr(collection.model, name):
            yield f"`properties` names {name!r}, which {collection.model._meta.label} has not."
        yield from _path_problems(collection, f"properties[{name!r}]", paths)
    if not isinstance(collection.properties, Mapping):
        yield "`properties` has to be a dict: name -> lookup paths of the fields it is made of."
    yield from _path_problems(collection, "serialize_reads", collection.serialize_reads)
    yield from _id_problems(collection)
    yield from _reference_problems(collection)
    yield from _write_problems(collection)


def publication_problems(publication: Publication) -> Iterator[str]:
    """A sentence for each thing that cannot work."""
    own = type(publication)
    has_queries = own.get_queries is not Publication.get_queries or own.queries is not None
    if publication.is_imperative and has_queries:
        yield "It has `publish`, so its `queries` or `get_queries` are never used: remove either."
    function = publication.publish if publication.is_imperative else publication.get_queries
    if publication.universal and not takes_nothing(function):
        yield (
            f"It is universal, so nobody passes parameters: `{function.__name__}` must not "
            f"need any."
        )
    yield from publication.problems()


def _filter_problems(collection: Collection) -> Iterator[str]:
    given = collection.qs_filter
    if given is None:
        return
    if not isinstance(given, Q | Mapping):
        yield f"`qs_filter` has to be a Q object or a dict of lookups, not {given!r}."
        return
    try:
        collection.model._base_manager.filter(given if isinstance(given, Q) else Q(**given))
    except (FieldError, TypeError, ValueError, ValidationError) as error:
        yield f"`qs_filter` cannot be applied to {collection.model._meta.label}: {error}"


def _order_problems(collection: Collection) -> Iterator[str]:
    order = collection.order_by
    if isinstance(order, str):
        yield f"`order_by` has to be a list: [{order!r}]."
    elif "?" in order:
        yield "`order_by` is random ('?'), which cannot be live: name fields."
    else:
        try:
            collection.model._base_manager.order_by(*order)
        except (FieldError, TypeError) as error:
            yield f"`order_by` cannot be applied to {collection.model._meta.label}: {error}"


def _path_problems(collection: Collection, option: str, paths: Iterable[str]) -> Iterator[str]:
    if isinstance(paths, str):
        yield f"`{option}` has to be a list: [{paths!r}]."
        return
    for path in paths:
        try:
            resolved(collection.model, path)
        except FieldError as error:
            yield f"`{option}` has to name fields or lookup paths to them. {error}"


def _write_problems(collection: Collection) -> Iterator[str]:
    rules = collection.given_rules()
    for rule in rules:
        if inspect.iscoroutinefunction(getattr(collection, rule)):
            yield f"`{rule}` has to be a plain function: `def`."
    if isinstance(collection.writable_fields, str):
        yield f"`writable_fields` has to be a list: [{collection.writable_fields!r}]."
        return
    try:
        fields = writable_fields(collection)
    except ConfigurationError as error:
        yield str(error)
        return
    if "allow_update" in rules and not fields:
        yield "`allow_update` lets clients change nothing without `writable_fields`."


def _id_problems(collection: Collection) -> Iterator[str]:
    model = collection.model
    beside = keys_beside(model)
    if names_documents(root_key(model)) or not beside:
        return
    if len(beside) > 1:
        names = " and ".join(str(field) for field in beside)
        yield f"{names} are AleaIdFields, and documents have one id: make all but one CharFields."
        return
    (field,) = beside
    wrong = "null=True" if field.null else "" if field.unique else "unique=False"
    if wrong:
        yield (
            f"{field} is an AleaIdField beside the primary key, so it is the id of documents, and "
            f"cannot have {wrong}. If it is something else, make it a CharField."
        )


def _reference_problems(collection: Collection) -> Iterator[str]:
    try:
        fields = collection.published_fields()
    except ConfigurationError:
        return  # which is told by itself
    yield from filter(None, map(reference_problem, fields))


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}
