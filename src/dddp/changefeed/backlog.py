"""How full PostgreSQL's notification queue is, and who may keep it from being emptied.

The queue is one for all databases of a cluster. A session that LISTENs and stays in a transaction,
or whose client does not read, keeps all that was notified since; when the queue is full, commits
that notify fail with error 54000 (PostgreSQL: NOTIFY, "Notes").
"""

from __future__ import annotations

import logging

from dddp.changefeed.link import Link
from dddp.exceptions import ListenerError

logger = logging.getLogger("dddp.changefeed")

LEVELS = (0.25, 0.5, 0.75)
# A level is armed again when the fill is this far below it.
MARGIN = 0.1

# The call also frees what nobody has to read any more, which commits do not when it is full.
_USAGE = "SELECT pg_notification_queue_usage()"
# PostgreSQL does not tell who listens. Younger transactions have not filled a queue.
_SUSPECTS = """
SELECT pid, application_name, datname, doing, round(extract(epoch FROM age)) FROM (
  SELECT pid, application_name, datname,
    CASE WHEN wait_event = 'ClientWrite' THEN 'its client does not read' ELSE state END AS doing,
    clock_timestamp() - coalesce(xact_start, state_change) AS age
  FROM pg_stat_activity
  WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()
    AND (xact_start IS NOT NULL OR wait_event = 'ClientWrite')
) AS busy
WHERE age > interval '1 second'
ORDER BY doing = 'active', age DESC
LIMIT 3
"""
_WARNING = (
    "PostgreSQL's notification queue is %.0f %% full: a session that LISTENs is stuck in a "
    "transaction or does not read. When it is full, commits that change watched tables fail, in "
    "all databases. End that session: SELECT pg_terminate_backend(pid). %s"
)
_NO_SUSPECT = (
    "This role sees none in pg_stat_activity (pg_read_all_stats shows those of other roles); "
    "from 50 % on, PostgreSQL's own log names its pid."
)


class QueueWatch:
    """Warns once for each level that the fill rises to."""

    def __init__(self) -> None:
        self._level = 0.0

    async def check(self, link: Link, seconds: float) -> float:
        """The fill, 0..1. Raises ListenerError as `Link.execute` does."""
        result = await link.execute(_USAGE, seconds)
        usage = float(result.get_value(0, 0) or 0)
        before = self._level
        if self.rises(usage):
            logger.warning(_WARNING, 100 * usage, await _suspects(link, seconds))
        elif before and not self._level:
            logger.info("PostgreSQL's notification queue is down to %.0f %%.", 100 * usage)
        return usage

    def rises(self, usage: float) -> bool:
        """Is it at a level that was not reached before, or has been left since?"""
        reached = max((level for level in LEVELS if level <= usage), default=0.0)
        if reached > self._level:
            self._level = reached
            return True
        kept = (each for each in LEVELS if each <= self._level and usage > each - MARGIN)
        self._level = max(kept, default=0.0)
        return False


async def _suspects(link: Link, seconds: float) -> str:
    """A sentence about who may be the cause."""
    try:
        result = await link.execute(_SUSPECTS, seconds)
    except ListenerError as error:
        return f"Which one is not known: {error}"
    rows = [
        [(result.get_value(row, column) or b"").decode() for column in range(result.nfields)]
        for row in range(result.ntuples)
    ]
    named = [
        f"pid {pid} (application {application!r}, database {database!r}, {doing} for {age} s)"
        for pid, application, database, doing, age in rows
    ]
    return f"Likely: {', '.join(named)}." if named else _NO_SUSPECT
