"""The methods with which clients write to a collection directly, where its rules let them.

Names, results and errors are those of Meteor 3's `allow-deny` package. Runs in threads, in the
transaction of the method.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.core.exceptions import ObjectDoesNotExist, ValidationError
from django.db import DatabaseError, DataError, IntegrityError
from django.db.models import Model, ProtectedError, RestrictedError

from dddp.api.ids import get_ddp_id, key_of, lookup_of
from dddp.api.rules import KINDS
from dddp.api.this import this
from dddp.api.writable import (
    assign,
    converted,
    emptied,
    may_choose_ids,
    relate,
    validate,
    writable_fields,
)
from dddp.conf import conf
from dddp.ejson import ObjectID
from dddp.exceptions import MeteorError
from dddp.livequery.keys import document_key, names_documents, root_key

if TYPE_CHECKING:
    from dddp.api.collection import Collection

logger = logging.getLogger("dddp.api")

ID = "_id"
WRITES = {f"{kind}{suffix}": kind for kind in KINDS for suffix in ("", "Async")}
"""The methods' names, without the collection's, and what they do."""
OPERATORS = ("$set", "$unset")
DENIED = "Access denied"
NO_REPLACE = (
    "Access denied. In a restricted collection you can only update documents, not replace them. "
    "Use a Mongo update operator, such as '$set'."
)


def write_methods(collection: Collection) -> Iterator[tuple[str, Callable[..., Any]]]:
    """The methods of a collection that has rules: (name on the wire, function)."""
    if collection.given_rules():
        for name in WRITES:
            yield f"/{collection.name}/{name}", write_method(collection, name)


def write_method(collection: Collection, name: str) -> Callable[..., Any]:
    """The method of a collection with a name that is among `WRITES`."""
    return _METHODS[WRITES[name]](collection, name)


def _insert_method(collection: Collection, name: str) -> Callable[..., Any]:
    def insert(document: Any) -> str:
        return Write(collection, "insert", name).insert(document)

    return insert


def _update_method(collection: Collection, name: str) -> Callable[..., Any]:
    def update(selector: Any, modifier: Any, options: Any = None) -> int:
        return Write(collection, "update", name).update(selector, modifier, options)

    return update


def _remove_method(collection: Collection, name: str) -> Callable[..., Any]:
    def remove(selector: Any) -> int:
        return Write(collection, "remove", name).remove(selector)

    return remove


_METHODS = {"insert": _insert_method, "update": _update_method, "remove": _remove_method}


class Write:
    """One write of a client.

    Args:
        kind: "insert", "update" or "remove".
        method: what the client has called: the kind, or that and "Async".
    """

    def __init__(self, collection: Collection, kind: str, method: str) -> None:
        self._collection = collection
        self._kind = kind
        self._method = method
        self._fields = writable_fields(collection)

    def insert(self, document: Any) -> str:
        """Insert a document; returns its id. Raises MeteorError and ValidationError."""
        _require_dict(document)
        self._require_rule()
        given = {name: value for name, value in document.items() if name != ID}
        self._require_writable(given)
        values = converted(self._fields, given)
        obj: Model = self._collection.model()
        self._identify(obj, document)
        assign(obj, self._fields, values)
        self._require_permission(obj, MappingProxyType(values))
        if self._is_taken(obj):
            raise MeteorError(500, "Internal server error")  # what Meteor 3 makes of it
        self._save(obj, values, force_insert=(Model,))
        return get_ddp_id(obj)

    def update(self, selector: Any, modifier: Any, options: Any) -> int:
        """Change fields of one document; returns how many there were."""
        ddp_id = self._selected(selector)
        self._require_rule()
        _require_dict(modifier)
        _require_dict({} if options is None else options)
        if options and options.get("upsert") not in (None, False):
            raise MeteorError(403, f"{DENIED}. Upserts not allowed in a restricted collection.")
        changed, unset = _operands(modifier)
        obj = self._visible(ddp_id)
        if obj is None:
            return 0
        self._require_writable({**changed, **unset})
        values = converted(self._fields, changed)
        values.update({name: emptied(self._fields[name]) for name in unset})
        self._require_permission(obj, MappingProxyType(values))
        if values:
            assign(obj, self._fields, values)
            self._save(obj, values)
        return 1

    def remove(self, selector: Any) -> int:
        """Delete one document; returns how many there were."""
        ddp_id = self._selected(selector)
        self._require_rule()
        obj = self._visible(ddp_id)
        if obj is None:
            return 0
        self._require_permission(obj)
        try:
            obj.delete()
        except (ProtectedError, RestrictedError) as error:
            raise MeteorError(409, "Others refer to this document.") from error
        return 1

    def _rows(self) -> Any:
        return self._collection.model._base_manager.using(conf.database)

    def _visible(self, ddp_id: Any) -> Model | None:
        """The object, locked, if this user may see it as a document."""
        try:
            lookup = lookup_of(self._collection.model, ddp_id)
        except ObjectDoesNotExist:
            return None
        seen = self._collection.restrict(self._rows(), this.user)
        obj: Model | None = (
            self._rows().select_for_update().filter(**lookup, pk__in=seen.values("pk")).first()
        )
        # Who has held the lock until now may have hidden it.
        return obj if obj is not None and seen.filter(**lookup).exists() else None

    def _selected(self, selector: Any) -> Any:
        if isinstance(selector, dict) and set(selector) == {ID}:
            selector = selector[ID]
        if isinstance(selector, bool) or not isinstance(selector, str | int | float | ObjectID):
            raise MeteorError(
                403, f"Not permitted. Untrusted code may only {self._method} documents by ID."
            )
        return selector

    def _identify(self, obj: Model, document: Mapping[str, Any]) -> None:
        """Give a new object its id, if it is not the database that does."""
        key: Any = document_key(self._collection.model)
        source = root_key(self._collection.model) if key.primary_key else key
        if ID not in document:
            if names_documents(source):
                fresh = this.random_streams.for_collection(self._collection.name).id()
                setattr(obj, _attribute(key), fresh)
            return
        if not (names_documents(source) or may_choose_ids(self._collection)):
            raise MeteorError(403, f"{DENIED}. The server chooses the ids of this collection.")
        try:
            setattr(obj, _attribute(key), key_of(source, document[ID]))
        except ValidationError as error:
            raise ValidationError({ID: error}) from error

    def _is_taken(self, obj: Model) -> bool:
        """Has a row its id already?"""
        name = _attribute(document_key(self._collection.model))
        value = getattr(obj, name)
        return value is not None and self._rows().filter(**{name: value}).exists()

    def _save(self, obj: Model, values: Mapping[str, Any], **options: Any) -> None:
        validate(obj, self._fields, values)
        try:
            obj.save(using=conf.database, **options)
            relate(obj, self._fields, values)
        except (DataError, IntegrityError) as error:
            logger.warning(
                "%s: the database has refused a write: %s", self._collection.name, _refusal(error)
            )
            raise MeteorError(409, "The database has refused this.") from error

    def _require_rule(self) -> None:
        rules = self._collection.given_rules()
        if not rules:
            raise MeteorError(403, DENIED)
        if f"allow_{self._kind}" not in rules:
            raise MeteorError(
                403,
                f"{DENIED}. No allow validators set on restricted collection for method "
                f"'{self._method}'.",
            )

    def _require_writable(self, names: Mapping[str, Any]) -> None:
        for name in names:
            if name not in self._fields:
                problem = f"{name!r} is not in `writable_fields` of {self._collection.name}"
                logger.info("%s", problem)
                raise MeteorError(403, DENIED, problem if settings.DEBUG else None)

    def _require_permission(self, *args: Any) -> None:
        if not self._collection.permits(self._kind, this.user, *args):
            raise MeteorError(403, DENIED)


def _refusal(error: DatabaseError) -> str:
    """What may be logged: PostgreSQL's own sentence has the values of the row."""
    told = getattr(error.__cause__, "diag", None)
    parts = [getattr(told, name, None) for name in ("sqlstate", "constraint_name")]
    return " ".join([type(error).__name__, *filter(None, parts)])


def _attribute(key: Any) -> str:
    """Where an object has its id."""
    return "pk" if key.primary_key else str(key.attname)


def _operands(modifier: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """The fields to set, and those to unset."""
    if not modifier:
        raise MeteorError(403, NO_REPLACE)
    for operator, operand in modifier.items():
        if not operator.startswith("$"):
            raise MeteorError(403, NO_REPLACE)
        if operator not in OPERATORS:
            reason = f"{DENIED}. Operator {operator} not allowed in a restricted collection."
            raise MeteorError(403, reason)
        _require_dict(operand)
    changed, unset = (modifier.get(operator, {}) for operator in OPERATORS)
    if set(changed) & set(unset):
        raise MeteorError(400, "Match failed")
    return changed, unset


def _require_dict(value: Any) -> None:
    if not isinstance(value, dict):
        raise MeteorError(400, "Match failed")
