"""Write fences: a token in the stream behind everything a transaction changed.

NOTIFY delivers a transaction's messages together and in the order they were sent (PostgreSQL:
NOTIFY, "Notes"), so a listener that has read the token has read the changes too.
"""

from __future__ import annotations

import re
from typing import Any, Protocol

# Constraint triggers put off to the commit would write behind the fence. All in one message, for
# which PostgreSQL takes no parameters.
SEND = (
    "SET CONSTRAINTS ALL IMMEDIATE; SELECT pg_notify('{channel}', '{token}') "
    "WHERE pg_current_xact_id_if_assigned() IS NOT NULL"
)
_PLAIN = re.compile(r"[\w:.-]+", re.ASCII)


class Cursor(Protocol):
    """What is used of a DB-API cursor."""

    @property
    def rowcount(self) -> int: ...
    @property
    def statusmessage(self) -> str | None: ...
    def execute(self, sql: str, /) -> Any: ...
    def nextset(self) -> Any: ...


def notify_fence(cursor: Cursor, channel: str, token: str, commit: bool = False) -> bool:
    """Send `token` to `channel` at commit if the current transaction has written.

    Call it as the last statement of the transaction. Constraints deferred to the commit are
    checked here: their errors are raised here.

    Args:
        channel: `Listener.fence_channel` of the listener that shall hear it.
        token: letters, digits and `_:.-`; unique.
        commit: end the transaction, in the same round trip. With psycopg 3 only: psycopg 2 tells
            of the last statement of a message and no other.

    Returns:
        False if the transaction has not written: nothing was sent, there is nothing to wait for.
    """
    if not (_PLAIN.fullmatch(channel) and _PLAIN.fullmatch(token)):
        raise ValueError("A fence's channel and token consist of letters, digits and _:.- only.")
    cursor.execute(SEND.format(channel=channel, token=token) + ("; COMMIT" if commit else ""))
    if not (cursor.statusmessage or "").startswith("SELECT"):
        cursor.nextset()  # psycopg 3 begins with the first statement, psycopg 2 with the last
    return cursor.rowcount == 1
