"""One connection to PostgreSQL on the event loop: statements out, notifications in.

libpq is driven here directly, because one reader has to serve both: what arrives with the answer to
a statement must come out in its place among the other notifications. Everything that has arrived
is handed on at once, as one list for each time the socket becomes readable.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Mapping
from typing import Any, Self

import psycopg
from psycopg import pq
from psycopg.pq.abc import PGresult

from dddp.exceptions import ListenerError

Notification = tuple[bytes, bytes]
"""Channel and payload, UTF-8."""

_GOOD = (pq.ExecStatus.COMMAND_OK, pq.ExecStatus.TUPLES_OK)


class Link:
    """A connection in autocommit, with nothing else on it. `await Link.open(...)` makes one.

    Attributes:
        closed: done when the link has ended, with the reason as its result.
    """

    def __init__(
        self,
        connection: psycopg.AsyncConnection[Any],
        on_notifications: Callable[[list[Notification]], None],
        on_closed: Callable[[Exception], None],
    ) -> None:
        self._loop = asyncio.get_running_loop()
        self._connection = connection  # or its socket would be closed
        self._pgconn = connection.pgconn
        self._socket = self._pgconn.socket
        self._on_notifications = on_notifications
        self._on_closed = on_closed
        self._statements: deque[tuple[bytes, asyncio.Future[PGresult]]] = deque()
        self._result: PGresult | None = None
        self._reads = 0
        self.closed: asyncio.Future[Exception] = self._loop.create_future()
        self._loop.add_reader(self._socket, self._read)

    @classmethod
    async def open(
        cls,
        params: Mapping[str, Any],
        on_notifications: Callable[[list[Notification]], None],
        on_closed: Callable[[Exception], None],
    ) -> Self:
        """Connect. Raises psycopg.OperationalError.

        Args:
            params: of psycopg.AsyncConnection.connect().
            on_notifications: called with what has arrived; what it raises closes the link.
            on_closed: called once, with the reason, also when that was `close()`.
        """
        connection = await psycopg.AsyncConnection.connect(**params, autocommit=True)
        return cls(connection, on_notifications, on_closed)

    async def execute(self, sql: str, seconds: float) -> PGresult:
        """The result of the last of some statements, without parameters.

        Raises:
            ListenerError: the link has ended, the server refuses, or sends nothing at all for
                `seconds`, which ends the link. An answer waits for all notifications before it.
        """
        if self.closed.done():
            raise ListenerError("The connection to PostgreSQL is closed.") from self.closed.result()
        answer: asyncio.Future[PGresult] = self._loop.create_future()
        self._statements.append((sql.encode(), answer))
        if len(self._statements) == 1:
            self._send()
        try:
            while not answer.done():
                reads = self._reads
                await asyncio.wait({answer}, timeout=seconds)
                if not answer.done() and reads == self._reads:
                    error = ListenerError(f"PostgreSQL does not answer within {seconds:g} seconds.")
                    answer.cancel()
                    self.close(error)
                    raise error
            return answer.result()
        finally:
            answer.cancel()

    def close(self, reason: Exception) -> None:
        """End the link. Idempotent."""
        if self.closed.done():
            return
        self.closed.set_result(reason)
        self._loop.remove_reader(self._socket)
        self._loop.remove_writer(self._socket)
        self._pgconn.finish()
        for _, answer in self._statements:
            if not answer.done():
                answer.set_exception(ListenerError(f"The connection is lost: {reason}"))
        self._statements.clear()
        self._on_closed(reason)

    def pause(self) -> None:
        """Read nothing more until `resume`: what comes waits in PostgreSQL."""
        self._loop.remove_reader(self._socket)

    def resume(self) -> None:
        """Read on."""
        if not self.closed.done():
            self._loop.add_reader(self._socket, self._read)

    def _send(self) -> None:
        try:
            self._pgconn.send_query(self._statements[0][0])
            self._flush()
        except psycopg.Error as error:
            self.close(error)

    def _flush(self) -> None:
        self._loop.remove_writer(self._socket)
        if self._pgconn.flush():
            self._loop.add_writer(self._socket, self._write)

    def _write(self) -> None:
        try:
            self._flush()
        except psycopg.Error as error:
            self.close(error)

    def _read(self) -> None:
        reason: Exception | None = None
        self._reads += 1
        try:
            self._pgconn.consume_input()
            self._take_answers()
        except psycopg.Error as error:
            reason = error
        if self.closed.done():
            return
        # After the answers: libpq reads no further than the end of one until it has been taken.
        batch = [(item.relname, item.extra) for item in iter(self._pgconn.notifies, None)]
        if batch:
            try:
                self._on_notifications(batch)
            except Exception as error:
                reason = error
        if reason is not None:
            self.close(reason)

    def _take_answers(self) -> None:
        while self._statements and not self._pgconn.is_busy():
            result = self._pgconn.get_result()
            if result is not None:
                if self._result is None or self._result.status in _GOOD:
                    self._result = result
                continue
            _, answer = self._statements.popleft()
            last, self._result = self._result, None
            if self._statements:
                self._send()
            if not answer.done():
                _answer(answer, last)


def _answer(answer: asyncio.Future[PGresult], result: PGresult | None) -> None:
    if result is not None and result.status in _GOOD:
        answer.set_result(result)
        return
    message = result.error_message.decode(errors="replace").strip() if result else "no result"
    answer.set_exception(ListenerError(f"PostgreSQL refuses: {message}"))
