"""Names of NOTIFY channels.

They consist of lower case letters, digits and `_`, so that they need no quotes and can name the
transaction-local counter (`dddp.<channel>`) of the messages on the channel.
"""

from __future__ import annotations

import hashlib
import re

VERSION = 1
"""Version of the message layout; part of every channel, function and trigger name."""

_READABLE = 36


def channel_for(table: str) -> str:
    """The channel of a table's changes, at most 63 bytes (PostgreSQL: NAMEDATALEN).

    Args:
        table: `model._meta.db_table` as it stands, perhaps `schema"."table`.
    """
    readable = re.sub(r"[^a-z0-9]+", "_", table.lower())[:_READABLE].strip("_")
    digest = hashlib.blake2b(table.encode(), digest_size=6).hexdigest()
    return f"dddp{VERSION}_{readable}_{digest}"


def fence_channel(listener_id: str) -> str:
    """The channel on which one listener hears its fences.

    Args:
        listener_id: at most 40 lower case letters and digits, unique for each listener.
    """
    return f"dddp{VERSION}_fence_{listener_id}"
