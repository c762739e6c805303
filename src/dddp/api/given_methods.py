"""The methods that every project has, whatever it offers.

`/schema` and `/<collection>/schema` tell of fields. A collection without rules refuses to be
written to, as Meteor's do.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from dddp.api.collection import Collection
from dddp.api.methods import Method
from dddp.api.this import this
from dddp.api.writes import WRITES, write_method
from dddp.exceptions import MeteorError

SCHEMA = "schema"


def given_method(name: str, collections: Mapping[str, Collection]) -> Method | None:
    """The method of this name, if it is one of them.

    Args:
        collections: those registered, by name.
    """
    slash, path = name[:1], name[1:]
    if slash != "/":
        return None
    if path == SCHEMA:
        return Method(name, lambda: _all(collections), transaction=False)
    owner, _, verb = path.rpartition("/")
    collection = collections.get(owner)
    if collection is None:
        return None
    if verb == SCHEMA:
        return Method(name, lambda: _one(collection), transaction=False)
    return Method(name, write_method(collection, verb)) if verb in WRITES else None


def _all(collections: Mapping[str, Collection]) -> dict[str, Any]:
    """Where anonymous clients see no row, they are not told of the fields either."""
    return {
        name: collection.schema()
        for name, collection in collections.items()
        if collection.tells_schema_to(this.user_id)
    }


def _one(collection: Collection) -> dict[str, Any]:
    if not collection.tells_schema_to(this.user_id):
        raise MeteorError(403, "Access denied")
    return collection.schema()
