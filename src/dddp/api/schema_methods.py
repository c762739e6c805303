"""The methods `/schema` and `/<collection>/schema`, which every project has."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from dddp.api.collection import Collection
from dddp.api.methods import Method
from dddp.api.this import this
from dddp.exceptions import MeteorError

ALL = "/schema"


def schema_method(name: str, collections: Mapping[str, Collection]) -> Method | None:
    """The method of this name, if it is one of them.

    Where anonymous clients see no row, they are not told of the fields either.

    Args:
        collections: those registered, by name.
    """
    if name == ALL:
        return Method(name, lambda: _all(collections), transaction=False)
    if not (name.startswith("/") and name.endswith(ALL)):
        return None
    collection = collections.get(name[1 : -len(ALL)])
    if collection is None:
        return None
    return Method(name, lambda: _one(collection), transaction=False)


def _all(collections: Mapping[str, Collection]) -> dict[str, Any]:
    return {
        name: collection.schema()
        for name, collection in collections.items()
        if collection.tells_schema_to(this.user_id)
    }


def _one(collection: Collection) -> dict[str, Any]:
    if not collection.tells_schema_to(this.user_id):
        raise MeteorError(403, "Access denied")
    return collection.schema()
