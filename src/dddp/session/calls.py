"""Calls of methods. Runs in threads; one transaction for each call."""

from __future__ import annotations

import inspect
import logging
from collections.abc import Callable, Sequence
from collections.abc import Collection as Container
from dataclasses import dataclass, field
from traceback import format_exception_only
from typing import Any

from asgiref.sync import async_to_sync
from django.conf import settings
from django.db import connections, transaction

from dddp import ejson
from dddp.api.this import Invocation, current
from dddp.changefeed.fence import notify_fence
from dddp.conf import conf
from dddp.exceptions import MeteorError
from dddp.protocol import messages
from dddp.protocol.frames import Frame
from dddp.session.rights import Login, login_of

logger = logging.getLogger("dddp.session")


@dataclass(slots=True, eq=False)
class Call:
    """One call of a method.

    Attributes:
        id: the client's, for the `result`.
        what: for the log: "Method 'x' of session y".
        fence: channel and token to notify behind everything it writes.
        watched: tables with triggers.
        login: what `set_user_id` has asked for.
        committed: its transaction has been committed.
        fenced: the token has been sent.
    """

    id: str
    function: Callable[..., Any]
    params: Sequence[Any]
    invocation: Invocation
    what: str
    fence: tuple[str, str]
    watched: Container[str]
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

    def _run(self) -> Frame:
        try:
            inspect.signature(self.function).bind(*self.params)
        except TypeError as error:
            raise MeteorError(400, "Match failed") from error
        connection = connections[conf.database]
        hooks = False
        try:
            with transaction.atomic(using=conf.database):
                transaction.on_commit(self._on_commit, using=conf.database)
                frame = messages.result(self.id, self._result())
                hooks = len(connection.run_on_commit) > 1
                if self.invocation.user_was_set and not connection.needs_rollback:
                    wanted = self.invocation
                    self.login = login_of(wanted.user_id, wanted.while_exists, self.watched)
                if not hooks and not connection.needs_rollback:
                    with connection.cursor() as cursor:
                        self.fenced = notify_fence(cursor, *self.fence)
            return frame
        finally:
            self.fenced = self.fenced and self.committed
            if hooks and self.committed:
                notify(*self.fence)
                self.fenced = True

    def _result(self) -> Any:
        result = self.function(*self.params)
        return async_to_sync(_awaited)(result) if inspect.iscoroutine(result) else result

    def _on_commit(self) -> None:
        self.committed = True


async def _awaited(coroutine: Any) -> Any:
    return await coroutine


def notify(channel: str, token: str) -> None:
    """Send a fence's token outside of any transaction."""
    with connections[conf.database].cursor() as cursor:
        cursor.execute("SELECT pg_notify(%s, %s)", [channel, token])


def wire_error(error: BaseException, what: str) -> dict[str, Any]:
    """What a client is told of an exception: all of a MeteorError, of others that there was one.

    Under `DEBUG` the details say which.

    Args:
        what: for the log, where the others go with their traceback: "Method 'x' of session y".
    """
    if not isinstance(error, MeteorError):
        logger.error("%s failed", what, exc_info=error)
        details = "".join(format_exception_only(error)).strip() if settings.DEBUG else None
        error = MeteorError(500, "Internal server error", details)
    try:
        ejson.encode_plain(error.details)
    except Exception:
        logger.exception("%s: the details of its error cannot be sent", what)
        error = MeteorError(error.error, error.reason)
    return error.as_wire()
