"""What a writer pays for the triggers: single saves and large updates, with and without them.

The yardstick of a save is a trigger that does nothing but NOTIFY, with nothing to say.

The writer and its PostgreSQL process have a core for themselves; the server, what PostgreSQL does
for it, and its clients have the other one: on a machine with enough cores they do not meet either.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack, suppress
from typing import Any

import psycopg

from benchmarks import bookstore
from benchmarks.cases import World
from benchmarks.crowd import Crowd, PythonCrowd, crowd
from benchmarks.figures import Chart, Table, median, ratio
from benchmarks.machine import SERVER_CORE, on_core
from benchmarks.statements import SERVER

BOOKS = 50
TURNS = 25
UPDATES = 3
SECONDS = 30
WITH, WITHOUT = "ENABLE", "DISABLE"
FIRST = 2
"""Saves that are not counted: what PostgreSQL has planned ends with each change of triggers."""
NOTIFYING = """
    CREATE FUNCTION benchmark_notify() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN PERFORM pg_notify('benchmark_nobody', ''); RETURN NULL; END $$;
    CREATE TRIGGER benchmark_notify AFTER UPDATE ON bookstore_book
        FOR EACH STATEMENT EXECUTE FUNCTION benchmark_notify()
"""
NOT_NOTIFYING = "DROP FUNCTION IF EXISTS benchmark_notify() CASCADE"


class Scene:
    """Django in one thread, as a writer elsewhere has it; times are of the ORM's call alone."""

    def __init__(self, connection: psycopg.AsyncConnection) -> None:
        self.connection = connection
        self.hand = ThreadPoolExecutor(1)
        self.number = 0
        self.lost = 0

    async def triggers(self, which: str) -> None:
        await self.connection.execute(f"ALTER TABLE bookstore_book {which} TRIGGER USER")

    async def timed(self, function: Callable[[], Any]) -> float:
        return await asyncio.get_running_loop().run_in_executor(self.hand, _timed, function)

    async def save(
        self, times: list[float], rounds: int, clients: Crowd | PythonCrowd, pause: float = 0
    ) -> float:
        """Single saves, each waited for by all clients when there are any.

        Returns the median of the seconds between two saves, for the pauses of saves that nobody
        sees: whoever has slept runs slower at first.
        """
        from bookstore.models import Book

        pauses = []
        for _ in range(rounds):
            self.number += 1
            book = Book(
                pk=self.number % BOOKS + 1,
                title=bookstore.title(self.number),
                author_id=1,
                pages=self.number,
            )
            await clients.expect(1)
            times.append(await self.timed(lambda book=book: book.save(force_update=True)))
            begin = time.perf_counter()
            if clients.size:
                arrived = await clients.arrived(SECONDS)
                self.lost += abs(arrived.missing) + arrived.wrong
            elif pause:
                await asyncio.sleep(pause)
            pauses.append(time.perf_counter() - begin)
        return median(pauses) if clients.size else 0


async def run(world: World) -> list[Table]:
    table = Table(
        "What a writer pays for the triggers: one statement of Django's, in autocommit",
        ["", "with triggers", "without", "ratio", "more"],
    )
    async with AsyncExitStack() as stack:
        connection = await stack.enter_async_context(
            await psycopg.AsyncConnection.connect(world.dsn, autocommit=True)
        )
        scene = Scene(connection)
        try:
            await _notifying(world, scene, table)
            await _saves(world, scene, table, None)
            for size in (0, world.scale.writers_clients):
                await _saves(world, scene, table, size)
            for rows in world.scale.updates:
                await _updates(scene, table, rows)
        finally:
            await connection.execute(NOT_NOTIFYING)
            await scene.triggers(WITH)  # other cases need them, whatever has happened
            await scene.timed(_close)
    table.lost = scene.lost
    table.notes.append(f"Deliveries lost: {table.lost}.")
    shown = table.data
    series = {which: [row[which] * 1e3 for row in shown] for which in ("with", "without")}
    names = [row["name"] for row in shown]
    table.chart = Chart("What a writer pays", "ms", names, series, is_log=True)
    return [table]


async def _notifying(world: World, scene: Scene, table: Table) -> None:
    """Saves with a trigger that only notifies, in turn with none."""
    await scene.connection.execute(bookstore.fill(BOOKS))
    each = max(1, world.scale.saves // TURNS)
    taken: dict[str, list[float]] = {NOTIFYING: [], NOT_NOTIFYING: []}
    async with AsyncExitStack() as stack:
        _, nobody = await _clients(world, scene, stack, None)
        await scene.triggers(WITHOUT)
        for _ in range(TURNS):
            for statement, times in taken.items():
                await scene.connection.execute(statement)
                await scene.save([], FIRST, nobody)
                await scene.save(times, each, nobody)
    await scene.triggers(WITH)
    _add(table, "save, NOTIFY alone", taken[NOTIFYING], taken[NOT_NOTIFYING])


async def _saves(world: World, scene: Scene, table: Table, size: int | None) -> None:
    """Saves with so many subscribers; None: no server listens."""
    await scene.connection.execute(bookstore.fill(BOOKS))
    each = max(1, world.scale.saves // TURNS)
    some = max(1, each // 5) if size else each
    async with AsyncExitStack() as stack:
        everyone, nobody = await _clients(world, scene, stack, size)
        with_triggers: list[float] = []
        without: list[float] = []
        for _ in range(TURNS):
            await scene.save([], FIRST, everyone)
            pause = await scene.save(with_triggers, some, everyone)
            await scene.triggers(WITHOUT)
            await scene.save([], FIRST, nobody)
            await scene.save(without, some, nobody, pause)
            await scene.triggers(WITH)
    _add(table, _name(size), with_triggers, without)


def _name(size: int | None) -> str:
    return "save, no server" if size is None else f"save, {size:,} subscribers"


async def _clients(
    world: World, scene: Scene, stack: AsyncExitStack, size: int | None
) -> tuple[Crowd | PythonCrowd, Crowd | PythonCrowd]:
    """So many clients, and none, beside the server."""
    if size is None:
        world.stop()
        url = world.floor.url
    else:
        url = world.dddp.url
    with on_core(SERVER_CORE):
        clients = [await stack.enter_async_context(crowd(url, each)) for each in (size or 0, 0)]
    own = await asyncio.get_running_loop().run_in_executor(scene.hand, _backend)
    rows = await scene.connection.execute(
        "SELECT pid FROM pg_stat_activity WHERE usename = %s AND pid <> %s", [SERVER, own]
    )
    for (pid,) in await rows.fetchall():
        with suppress(ProcessLookupError):  # it has ended meanwhile
            os.sched_setaffinity(pid, {SERVER_CORE})
    return clients[0], clients[1]


async def _updates(scene: Scene, table: Table, rows: int) -> None:
    from django.db.models import F

    from bookstore.models import Book

    await scene.connection.execute(bookstore.fill(rows))
    taken: dict[str, list[float]] = {WITH: [], WITHOUT: []}
    for _ in range(UPDATES):
        for which, times in taken.items():
            await scene.triggers(which)
            # Dead rows of the one before would be the other's to step over.
            await scene.connection.execute("VACUUM bookstore_book")
            await scene.timed(lambda: Book.objects.filter(pk__lte=FIRST).update(pages=0))
            times.append(await scene.timed(lambda: Book.objects.update(pages=F("pages") + 1)))
    await scene.triggers(WITH)
    _add(table, f"UPDATE of {rows:,} rows", taken[WITH], taken[WITHOUT])


def _timed(function: Callable[[], Any]) -> float:
    begin = time.perf_counter()
    function()
    return time.perf_counter() - begin


def _backend() -> int:
    """The writer's process of PostgreSQL."""
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        (pid,) = cursor.fetchone()
    return int(pid)


def _close() -> None:
    from django.db import connections

    connections.close_all()


def _add(table: Table, name: str, with_triggers: list[float], without: list[float]) -> None:
    both = median(with_triggers), median(without)
    more = both[0] - both[1]
    cells = [f"{value * 1e6:,.0f} us" for value in both]
    table.add([name, *cells, ratio(*both), f"{more * 1e6:,.0f} us"], _data(name, *both))
    table.figures[f"{name}: of without"] = both[0] / both[1]
    table.figures[f"{name}: us more"] = more * 1e6


def _data(name: str, with_triggers: float, without: float) -> dict[str, Any]:
    return {"name": name, "with": with_triggers, "without": without}
