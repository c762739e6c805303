"""Whose session it is, and whether that user still exists and is active.

The user's row is followed by a live query of its own, which no client sees. It has the columns
that decide about rights and nothing else.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from dddp.api.watching import user_model
from dddp.conf import conf
from dddp.exceptions import QueryNotLive
from dddp.livequery.analysis import analyse
from dddp.livequery.document import Changes
from dddp.livequery.plan import QueryPlan
from dddp.livequery.query import LiveQuery

if TYPE_CHECKING:
    from dddp.session.hub import Hub

FLAGS = ("is_active", "is_staff", "is_superuser")
COLLECTION = ""
"""No collection has this name, so these live queries are shared with nobody else's."""


class Rights:
    """The user of one session.

    Args:
        changed: called when what the user may do has changed.
    """

    def __init__(self, hub: Hub, changed: Callable[[], None]) -> None:
        self._hub = hub
        self._changed = changed
        self._user_id: str | None = None
        self._row: LiveQuery | None = None

    @property
    def user_id(self) -> str | None:
        """The user's primary key; None too while there is no such user who is active."""
        if self._row is None or not self._row.documents:
            return None
        (values,) = self._row.documents.values()
        active = dict(self._row.shape.items(values)).get("is_active", b"true")
        return self._user_id if active == b"true" else None

    async def follow(self, user_id: str | None) -> None:
        """Another user; raises what loading the row raises, and then nothing has changed."""
        row = None if user_id is None else await self._hub.retrying(self._acquire, user_id)
        self.end()
        self._user_id, self._row = user_id, row
        if row is not None:
            row.listeners.append(self._on_change)

    def end(self) -> None:
        """Nobody any more."""
        if self._row is not None:
            self._row.listeners.remove(self._on_change)
            self._hub.engine.release(self._row)
        self._user_id = self._row = None

    async def _acquire(self, user_id: str) -> LiveQuery:
        plan = await self._hub.user_threads.run(plan_of_user, user_id)
        if not plan.tables <= self._hub.watched:
            raise QueryNotLive(
                f"No trigger watches {', '.join(sorted(plan.tables))}, so nobody can log in. "
                f"Run `manage.py migrate` or `manage.py dddp_triggers --install`."
            )
        (query,) = await self._hub.acquire_all([plan])
        return query

    def _on_change(self, changes: Changes) -> None:
        self._changed()


def plan_of_user(user_id: str) -> QueryPlan:
    """What follows one user's row."""
    model = user_model()
    fields = [field for field in model._meta.concrete_fields if field.name in FLAGS]
    row = model._base_manager.filter(pk=user_id).only("pk", *(field.name for field in fields))
    return analyse(row, COLLECTION, fields, conf.database)
