"""Which columns hold secrets, by their names: neither notified nor published unless asked for."""

from __future__ import annotations

import fnmatch
from typing import Any

from dddp.conf import conf


def is_hidden(field: Any) -> bool:
    """Does a model field look like a secret, by its own name or its column's?

    `DDP_HIDDEN_COLUMNS` lists the names; "api_key" stands for "user_api_key" too.
    """
    return any(map(_is_secret, {field.name, field.attname, field.column or field.name}))


def _is_secret(name: str) -> bool:
    name = name.lower()
    return any(
        fnmatch.fnmatchcase(name, pattern) or fnmatch.fnmatchcase(name, f"*_{pattern}")
        for pattern in conf.hidden_columns
    )
