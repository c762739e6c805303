"""All sessions of this process, and how long those are kept whose connection is lost.

Meteor 3.5, "DDP session resumption". Where this goes beyond: a client whose old connection only
seems to be there takes its session away from it; and the number of kept sessions is bounded, also
that of one address.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from dddp.conf import conf
from dddp.protocol.events import Connected
from dddp.session.expiring import Expiring
from dddp.session.info import ConnectionInfo
from dddp.session.limits import Addresses

if TYPE_CHECKING:
    from dddp.session.session import Session

AT_ONCE = 20
"""Sessions ended in one go: ending one takes some 50 us, and thousands may be lost together."""


class Sessions:
    """Iterate over it for those that have not ended. Use it on the event loop only."""

    def __init__(self) -> None:
        self._by_id: dict[str, Session] = {}
        self._kept: Expiring[Session] = Expiring(self._expired, AT_ONCE)
        self._kept_of = Addresses()

    def __iter__(self) -> Iterator[Session]:
        return iter(list(self._by_id.values()))

    def __len__(self) -> int:
        return len(self._by_id)

    @property
    def kept(self) -> int:
        """How many wait for their client to come back."""
        return len(self._kept)

    def add(self, session: Session) -> None:
        """A new one."""
        self._by_id[session.id] = session

    def forget(self, session: Session) -> None:
        """It has ended."""
        self._by_id.pop(session.id, None)
        self._keep_no_more(session)

    def keep(self, session: Session) -> None:
        """Its connection is lost: keep it for the grace period, or end it."""
        grace, address = conf.resume_grace_seconds, session.connection.address
        if session.id not in self._by_id:
            return
        has_enough = self._kept_of.is_full(address, conf.max_connections_per_address)
        if grace <= 0 or conf.resume_max_sessions <= 0 or has_enough:
            session.give_up()
            return
        session.detach(conf.resume_max_messages)
        self._kept.keep(session, grace)
        self._kept_of.add(address, None)
        if len(self._kept) > conf.resume_max_sessions:
            next(iter(self._kept)).give_up()

    def claimed(self, event: Connected, info: ConnectionInfo) -> Session | None:
        """The session that a new connection goes on with, if there is one; else it gets its own.

        A client that cannot go on with its session for what it has missed has no use for it any
        more, so it is ended. A connection that may not have it changes nothing.
        """
        session = self._by_id.get(event.resume_of or "")
        if session is None or not session.is_open_to(info):
            return None
        counts = event.received_count == session.outbox.sent
        if counts and event.version == session.version and conf.resume_grace_seconds > 0:
            self._keep_no_more(session)
            return session
        session.give_up()
        return None

    def _keep_no_more(self, session: Session) -> None:
        if session in self._kept:
            self._kept.discard(session)
            self._kept_of.remove(session.connection.address)

    def _expired(self, session: Session) -> None:
        self._kept_of.remove(session.connection.address)
        session.end()
