"""Reads the change feed without the listener: everything committed up to a mark."""

from __future__ import annotations

import itertools
from typing import Any

import psycopg

from dddp.changefeed import triggers
from dddp.changefeed.channels import channel_for
from dddp.changefeed.payload import Decoder, Fence, TableChange
from dddp.changefeed.triggers import WatchedTable

MARKS = "dddp1_fence_test"


class Feed:
    """Watches tables of a database and collects what happens to them."""

    def __init__(self, dsn: str) -> None:
        self.dsn = dsn
        self._listening = psycopg.connect(dsn, autocommit=True, client_encoding="utf8")
        self._listening.execute(f"LISTEN {MARKS}")
        self._decoder = Decoder(MARKS)
        self._tokens = map(str, itertools.count())

    def watch(self, *tables: str | WatchedTable) -> None:
        watched = [
            each if isinstance(each, WatchedTable) else WatchedTable(each) for each in tables
        ]
        with psycopg.connect(self.dsn, autocommit=True) as connection:
            triggers.install(connection, watched)
        for each in watched:
            self._listening.execute(f"LISTEN {channel_for(each.table)}")

    def take(self) -> list[TableChange]:
        """The changes committed since the last call, in commit order."""
        token = next(self._tokens)
        with psycopg.connect(self.dsn, autocommit=True) as connection:
            connection.execute("SELECT pg_notify(%s, %s)", [MARKS, token])
        changes = []
        for notification in self._listening.notifies():
            message = self._decoder.feed(
                notification.channel.encode(), notification.payload.encode()
            )
            if message == Fence(token):
                return changes
            if isinstance(message, TableChange):
                changes.append(message)
        raise AssertionError("the connection has ended")

    def rows(self) -> list[tuple[str, Any]]:
        """The same as pairs of operation and row, [new, old] for updates."""
        return [
            (change.op, row if change.op == "U" else row[0])
            for change in self.take()
            for row in change.rows or ()
        ]

    def close(self) -> None:
        self._listening.close()
