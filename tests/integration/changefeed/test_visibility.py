"""A result and the stream together: no change is missed, none is applied twice."""

from __future__ import annotations

import asyncio
import random
from typing import Any

import psycopg
from psycopg.conninfo import conninfo_to_dict

from dddp.changefeed import triggers
from dddp.changefeed.listener import Listener
from dddp.changefeed.payload import Fence, TableChange
from dddp.changefeed.snapshot import Snapshot
from dddp.changefeed.triggers import WatchedTable

ROWS = 20
ONE_STATEMENT = """
    SELECT snapshot::text, id, v FROM (SELECT pg_current_snapshot() AS snapshot) AS taken
    LEFT JOIN counter ON true
"""


class Result:
    """All counters. It adds up differences, so what is missed or applied twice shows for ever."""

    def __init__(self) -> None:
        self.kept: list[TableChange] | None = []
        self.rows: dict[int, int] = {}

    def loaded(self, snapshot: Snapshot, rows: dict[int, int]) -> None:
        kept, self.kept, self.rows = self.kept or [], None, rows
        self.snapshot = snapshot
        for change in kept:
            self.apply(change)

    def apply(self, change: TableChange) -> None:
        if self.kept is not None:
            self.kept.append(change)
        elif not self.snapshot.sees(change.xid):
            for new, old in change.rows or ():
                self.rows[new["id"]] += new["v"] - old["v"]


async def write(dsn: str, chance: random.Random, count: int) -> None:
    async with await psycopg.AsyncConnection.connect(dsn, autocommit=True) as connection:
        for _ in range(count):
            async with connection.transaction(force_rollback=chance.random() < 0.2):
                # In the order of their ids: nobody waits in a circle.
                for id in sorted(chance.sample(range(ROWS), chance.randint(1, 4))):
                    async with connection.transaction(force_rollback=chance.random() < 0.2):
                        await connection.execute("UPDATE counter SET v = v + 1 WHERE id = %s", [id])


async def test_results_converge(pg_dsn: str, db: psycopg.Connection[Any]) -> None:
    db.execute("CREATE TABLE counter (id int PRIMARY KEY, v int)")
    db.execute("INSERT INTO counter SELECT g, 0 FROM generate_series(0, %s) g", [ROWS - 1])
    triggers.install(db, [WatchedTable("counter")])
    chance = random.Random(20)
    results: list[Result] = []
    reached = asyncio.Event()

    def on_batch(batch: list[TableChange | Fence]) -> None:
        for message in batch:
            if isinstance(message, Fence):
                reached.set()
                continue
            for result in results:
                result.apply(message)

    async def on_live() -> None:
        raise AssertionError("nothing is lost here")

    params = conninfo_to_dict(pg_dsn)
    listener = Listener(lambda: params, on_batch, lambda: None, on_live)
    await listener.start()
    await listener.listen("counter")

    async def subscribe(count: int) -> None:
        async with await psycopg.AsyncConnection.connect(pg_dsn, autocommit=True) as connection:
            for _ in range(count):
                result = Result()
                results.append(result)
                rows = await (await connection.execute(ONE_STATEMENT)).fetchall()
                snapshot = Snapshot.parse(rows[0][0])
                result.loaded(snapshot, {id: v for _, id, v in rows})

    await asyncio.gather(
        *(write(pg_dsn, random.Random(chance.random()), 150) for _ in range(4)),
        *(subscribe(100) for _ in range(3)),
    )
    db.execute("SELECT pg_notify(%s, 'end')", [listener.fence_channel])
    await reached.wait()
    await listener.stop()
    truth = dict(db.execute("SELECT id, v FROM counter").fetchall())
    assert len(results) == 300
    assert all(result.rows == truth for result in results)
