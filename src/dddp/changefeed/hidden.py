"""Which columns hold secrets, by their names: neither notified nor published unless asked for."""

from __future__ import annotations

import fnmatch
from typing import Any

from dddp.conf import conf


def is_hidden(field: Any) -> bool:
    """Does a model field look like a secret, by its own name or its column's?

    `DDP_HIDDEN_COLUMNS` lists patterns of names, such as "*password*".
    """
    names = {field.name, field.attname, field.column or field.name}
    return any(
        fnmatch.fnmatchcase(name.lower(), pattern)
        for name in names
        for pattern in conf.hidden_columns
    )
