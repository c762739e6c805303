"""Write fences: a token in the stream behind everything a transaction changed.

NOTIFY delivers a transaction's messages together and in the order they were sent (PostgreSQL:
NOTIFY, "Notes"), so a listener that has read the token has read the changes too.
"""

from __future__ import annotations

import re
from typing import Any, Protocol

HAS_WRITTEN = "SELECT pg_current_xact_id_if_assigned() IS NOT NULL"
# Constraint triggers put off to the commit would write behind the fence. Two statements in one
# message, for which PostgreSQL takes no parameters.
SEND = "SET CONSTRAINTS ALL IMMEDIATE; SELECT pg_notify('{channel}', '{token}')"
_PLAIN = re.compile(r"[\w:.-]+", re.ASCII)


class Cursor(Protocol):
    """What is used of a DB-API cursor."""

    def execute(self, sql: str, /) -> Any: ...

    def fetchone(self) -> Any: ...


def notify_fence(cursor: Cursor, channel: str, token: str) -> bool:
    """Send `token` to `channel` at commit if the current transaction has written.

    Call it as the last statement of the transaction. Constraints deferred to the commit are
    checked here: their errors are raised here.

    Args:
        channel: `Listener.fence_channel` of the listener that shall hear it.
        token: letters, digits and `_:.-`; unique.

    Returns:
        False if the transaction has not written: nothing was sent, there is nothing to wait for.
    """
    if not (_PLAIN.fullmatch(channel) and _PLAIN.fullmatch(token)):
        raise ValueError("A fence's channel and token consist of letters, digits and _:.- only.")
    cursor.execute(HAS_WRITTEN)
    if not cursor.fetchone()[0]:
        return False
    cursor.execute(SEND.format(channel=channel, token=token))
    return True
