"""Whose session it is, and whether that user still exists and is active.

The user's row is followed by a live query of its own, which no client sees. It has the columns
that decide about rights and nothing else. What `this.set_user_id(..., while_exists=...)` was
given is followed alike.
"""

from __future__ import annotations

from collections.abc import Callable
from collections.abc import Collection as Container
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import msgspec
from django.db.models import QuerySet

from dddp.api.watching import user_model
from dddp.conf import conf
from dddp.exceptions import QueryNotLive
from dddp.livequery.analysis import analyse
from dddp.livequery.document import Changes, members
from dddp.livequery.plan import QueryPlan
from dddp.livequery.query import LiveQuery
from dddp.protocol.messages import id_from_wire

if TYPE_CHECKING:
    from dddp.session.hub import Hub

FLAGS = ("is_active", "is_staff", "is_superuser")
COLLECTION = ""
"""No collection has this name, so these live queries are shared with nobody else's."""


@dataclass(frozen=True, slots=True)
class Login:
    """Who somebody is, and what has to exist for that."""

    user_id: str
    user: QueryPlan
    condition: QueryPlan | None


class Rights:
    """The user of one session.

    Args:
        changed: called when what the user may do has changed.
        gone: called when what the login depends on exists no more.
    """

    def __init__(self, hub: Hub, changed: Callable[[], None], gone: Callable[[], None]) -> None:
        self._hub = hub
        self._changed = changed
        self._gone = gone
        self._user_id: str | None = None
        self._row: LiveQuery | None = None
        self._condition: LiveQuery | None = None

    @property
    def user_id(self) -> str | None:
        """The user's primary key; None too while there is no such user who is active."""
        if self._row is None or not self._row.documents or self.is_gone:
            return None
        (values,) = self._row.documents.values()
        active = members(values).get("is_active")
        return self._user_id if active is None or bytes(active) == b"true" else None

    @property
    def user_ddp_id(self) -> str | None:
        """The id of the user's document; None as for `user_id`."""
        if self._row is None or self.user_id is None:
            return None
        (identity,) = self._row.documents
        return str(id_from_wire(msgspec.json.decode(identity)))

    @property
    def is_gone(self) -> bool:
        """What the login depends on exists no more."""
        return self._condition is not None and not self._condition.documents

    async def follow(self, login: Login | None) -> None:
        """Another user; raises what loading the row raises, and then nothing has changed."""
        plans = [] if login is None else [login.user, login.condition]
        wanted = [plan for plan in plans if plan is not None]
        held = await self._hub.retrying(self._hub.acquire_all, wanted)
        for query in held[1:]:
            await self._make_sure(query, held)
        self.end()
        if login is not None:
            self._user_id = login.user_id
            self._row, self._condition = [*held, None][:2]
        for query, listener in self._followed():
            query.listeners.append(listener)

    async def _make_sure(self, condition: LiveQuery, held: list[LiveQuery]) -> None:
        """If nothing meets it: it may have been live before what meets it was written."""
        try:
            if not condition.documents:
                await self._hub.engine.anew(condition)
        except BaseException:
            for query in held:
                self._hub.engine.release(query)
            raise

    def live_queries(self) -> list[LiveQuery]:
        """Those that follow the user."""
        return [query for query, _ in self._followed()]

    def end(self) -> None:
        """Nobody any more."""
        for query, listener in self._followed():
            query.listeners.remove(listener)
            self._hub.engine.release(query)
        self._user_id = self._row = self._condition = None

    def _followed(self) -> list[tuple[LiveQuery, Callable[[Changes], None]]]:
        pairs = [(self._row, self._row_changed), (self._condition, self._condition_changed)]
        return [(query, listener) for query, listener in pairs if query is not None]

    def _row_changed(self, changes: Changes) -> None:
        self._changed()

    def _condition_changed(self, changes: Changes) -> None:
        if self.is_gone:
            self._gone()


def login_of(
    user_id: str | None, while_exists: QuerySet[Any] | None, watched: Container[str]
) -> Login | None:
    """What `set_user_id` has asked for. Runs in a thread.

    Args:
        watched: tables with triggers.

    Raises:
        QueryNotLive: a table that is not among them, or a queryset that cannot be followed.
        ValueError: no user can have this primary key.
    """
    if user_id is None:
        return None
    login = Login(
        user_id,
        plan_of_user(user_id),
        None if while_exists is None else plan_of_condition(while_exists),
    )
    unseen = sorted(login.user.tables.difference(watched))
    if unseen:
        raise QueryNotLive(
            f"No trigger watches {', '.join(unseen)}, so nobody can log in. "
            f"Run `manage.py migrate` or `manage.py dddp_triggers --install`."
        )
    unseen = sorted(login.condition.tables.difference(watched)) if login.condition else []
    if unseen:
        raise QueryNotLive(
            f"set_user_id(while_exists=...) reads {', '.join(unseen)}, which no trigger watches. "
            f"Add the model to DDP_WATCH and run `manage.py dddp_triggers --install`."
        )
    return login


def plan_of_user(user_id: str) -> QueryPlan:
    """What follows one user's row."""
    model = user_model()
    fields = [field for field in model._meta.concrete_fields if field.name in FLAGS]
    row = model._base_manager.filter(pk=user_id).only("pk", *(field.name for field in fields))
    return analyse(row, COLLECTION, fields, conf.database)


def plan_of_condition(queryset: QuerySet[Any]) -> QueryPlan:
    """What follows whether any row meets a login's condition. Raises QueryNotLive."""
    try:
        return analyse(queryset, COLLECTION, [], conf.database)
    except QueryNotLive as error:
        raise QueryNotLive(
            f"set_user_id(while_exists=...) cannot follow this queryset. {error}"
        ) from error
