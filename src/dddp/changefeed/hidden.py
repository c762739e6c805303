"""Which columns hold secrets, by their names: neither notified nor published unless asked for."""

from __future__ import annotations

import fnmatch
from functools import lru_cache
from typing import Any

from dddp.conf import conf


def is_hidden(field: Any) -> bool:
    """Does a model field look like a secret, by its own name or its column's?

    `DDP_HIDDEN_COLUMNS` lists patterns of names, such as "*password*".
    """
    names = frozenset([field.name, field.attname, field.column or field.name])
    return _looks_secret(names, tuple(conf.hidden_columns))


@lru_cache(maxsize=4096)
def _looks_secret(names: frozenset[str], patterns: tuple[str, ...]) -> bool:
    # Asked for each field at each subscription.
    return any(fnmatch.fnmatchcase(name.lower(), each) for name in names for each in patterns)
