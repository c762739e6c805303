"""Calls of methods. Runs in threads; each in a transaction, unless it wants none.

Those that want to run on the event loop do; what they ask the database is asked elsewhere.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from collections.abc import Collection as Container
from dataclasses import dataclass, field
from typing import Any

from django.db import connections, transaction
from django.db.backends.postgresql.psycopg_any import is_psycopg3
from django.db.backends.signals import connection_created

from dddp.api.methods import Method
from dddp.api.this import Invocation, current
from dddp.changefeed.fence import notify_fence
from dddp.conf import conf
from dddp.protocol import messages
from dddp.protocol.frames import Frame
from dddp.session.errors import wire_error
from dddp.session.rights import Login, login_of


@dataclass(slots=True, eq=False)
class Call:
    """One call of a method.

    Attributes:
        id: the client's, for the `result`.
        what: for the log, as its text: "Method 'x' of session y".
        fence: channel and token to notify behind everything it writes.
        watched: tables with triggers.
        using: alias of the database.
        login: what `set_user_id` has asked for.
        committed: its transaction has been committed.
        fenced: the token has been sent.
    """

    id: str
    method: Method
    params: Sequence[Any]
    invocation: Invocation
    what: object
    fence: tuple[str, str]
    watched: Container[str]
    using: str
    login: Login | None = field(default=None, init=False)
    committed: bool = field(default=False, init=False)
    fenced: bool = field(default=False, init=False)

    def run(self) -> Frame:
        """Call the method in a transaction of its own; returns the `result` message.

        A result that cannot be encoded counts as an error of the method: nothing is committed.
        """
        token = current.set(self.invocation)
        try:
            return self._run()
        except BaseException as error:  # a method may raise SystemExit, and must not end a server
            return messages.result(self.id, error=wire_error(error, self.what))
        finally:
            current.reset(token)

    async def run_on_loop(self) -> Frame:
        """The same for a method on the event loop, in a task of its own; needs no transaction.

        Where the database was asked, `fenced` says that the token has to be sent.
        """
        current.set(self.invocation)
        try:
            return messages.result(self.id, await self.method.awaited(self.params))
        except BaseException as error:
            task = asyncio.current_task()
            if isinstance(error, asyncio.CancelledError) and task is not None and task.cancelling():
                raise
            return messages.result(self.id, error=wire_error(error, self.what))
        finally:
            self.fenced = self.invocation.has_asked

    def _run(self) -> Frame:
        call = self.method.bound(self.params)
        if not self.method.transaction:
            return self._without_transaction(call)
        hooks = False
        try:
            with self.method.block(self.using):
                transaction.on_commit(self._on_commit, using=self.using)
                frame = messages.result(self.id, call())
                hooks = self._prepare_commit()
            if hooks:
                self.login = self._wanted_login()
            return frame
        finally:
            self.fenced = self.fenced and self.committed
            if hooks and self.committed:
                # What hooks write comes after the transaction, and the token after that.
                self._notify()

    def _prepare_commit(self) -> bool:
        """Do what has to be done before; returns whether the method has hooks for after it."""
        connection = connections[self.using]
        hooks = len(connection.run_on_commit) > 1
        if not connection.needs_rollback:
            self.login = self._wanted_login()
            if not hooks and _has_begun(connection):
                with connection.cursor() as cursor:
                    self.fenced = notify_fence(cursor, *self.fence, commit=is_psycopg3)
        return hooks

    def _without_transaction(self, call: Callable[[], Any]) -> Frame:
        """What it has written stays, also when it fails."""
        try:
            frame = messages.result(self.id, call())
            self.login = self._wanted_login()
            self.committed = True
            return frame
        finally:
            self._notify()

    def _wanted_login(self) -> Login | None:
        if not self.invocation.user_was_set:
            return None
        return login_of(self.invocation.user_id, self.invocation.while_exists, self.watched)

    def _notify(self) -> None:
        notify(*self.fence)
        self.fenced = True

    def _on_commit(self) -> None:
        self.committed = True


def _has_begun(connection: Any) -> bool:
    """Has anything been asked of the database in this transaction? Drivers begin it with that."""
    return bool(connection.connection.info.transaction_status)


def _watch(connection: Any, **_: Any) -> None:
    if _note not in connection.execute_wrappers:
        # Whoever has added one before it was connected removes the last.
        connection.execute_wrappers.insert(0, _note)


def _note(execute: Callable[..., Any], *args: Any) -> Any:
    """Django, "Database instrumentation": called around each statement of a connection."""
    invocation = current.get(None)
    if invocation is not None:
        invocation.asks()
    return execute(*args)


connection_created.connect(_watch, dispatch_uid="dddp.note_statements")


def notify(channel: str, token: str) -> None:
    """Send a fence's token outside of any transaction."""
    connection = connections[conf.database]
    connection.close_if_unusable_or_obsolete()
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_notify(%s, %s)", [channel, token])
