"""Queries that Python decides from the row: nothing is asked, however many there are."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import replace
from typing import Any

from benchmarks import bookstore, statements
from benchmarks.cases import Scale
from benchmarks.commits import CALL, prepare
from benchmarks.figures import Table, median, ratio
from benchmarks.live import Contents, Live, contents, live, plan_of
from dddp.livequery.document import Documents
from dddp.livequery.loading import load
from dddp.livequery.plan import Loaded, QueryPlan

FEW = 10
"""Books that change, whatever the number of live queries; each is in one of them."""
CHANGES = 200
ROUNDS = 15
FLAT = 1.5


def run(dsn: str, scale: Scale) -> list[Table]:
    return [asyncio.run(_run(dsn, scale))]


async def _run(dsn: str, scale: Scale) -> Table:
    authors = max(scale.queries)
    table = Table(
        f"Decided from the row: Book.objects.filter(author_id=...), {authors:,} books; one change, "
        "in one of the live queries",
        ["live queries", "statements", "engine", "ratio", "CPU of all", "ratio", "wrong"],
        notes=[
            f"Medians of {ROUNDS} rounds of {CHANGES} transactions, and their ratios to the first "
            "line. Engine: from decoded changes to documents; CPU of all: of the process.",
            "The live queries are analysed one by one; their results are cut from one statement "
            "(loading each by itself would take minutes and is not measured here).",
        ],
    )
    async with live(dsn) as scene:
        prepare(dsn)
        await scene.execute(bookstore.spread(authors, 1))
        results = await scene.write(_results)
        scene.hub.engine._run = _loaded_from(results)
        engine = Timed(scene.hub.engine.on_batch)
        scene.hub.engine.on_batch = engine
        for size in scale.queries:
            await _hold(scene, len(scene.queries), size)
            await _measure(scene, engine, table)
    return table


class Timed:
    """A function, and the CPU seconds its calls have taken."""

    def __init__(self, function: Callable[..., None]) -> None:
        self._function = function
        self.seconds = 0.0

    def __call__(self, *args: Any) -> None:
        begin = time.thread_time()
        self._function(*args)
        self.seconds += time.thread_time() - begin


def _results() -> Loaded:
    from bookstore.models import Book

    return load(plan_of(Book.objects.all()))


def _loaded_from(everything: Loaded) -> Callable[[QueryPlan], Awaitable[Loaded]]:
    """Instead of the database: the documents of author n are the book n."""

    async def run(plan: QueryPlan) -> Loaded:
        identity = b'"%d"' % plan.params[0]
        documents: Documents = {identity: everything.documents[identity]}
        return replace(everything, documents=documents)

    return run


async def _hold(scene: Live, start: int, end: int) -> None:
    from bookstore.models import Book

    await scene.hold(Book.objects.filter(author_id=n + 1) for n in range(start, end))


async def _measure(scene: Live, engine: Timed, table: Table) -> None:
    size, few = len(scene.queries), min(FEW, len(scene.queries))
    engine_seconds, cpu = [], []
    await _commit(scene, few)
    await scene.write(statements.forget, scene.connection)
    for _ in range(ROUNDS):
        engine.seconds, begin = 0.0, time.process_time()
        hand = await _commit(scene, few)
        cpu.append((time.process_time() - begin - hand) / CHANGES)
        engine_seconds.append(engine.seconds / CHANGES)
    asked = await scene.write(statements.asked, scene.connection)
    wrong = await _wrong(scene)
    table.lost += wrong + asked.statements
    data = {
        "live_queries": size,
        "statements": asked.statements,
        "engine": median(engine_seconds),
        "cpu": median(cpu),
        "wrong": wrong,
    }
    first = (table.data or [data])[0]
    cells = [f"{size:,}", str(asked.statements)]
    for name in ("engine", "cpu"):
        cells += [f"{data[name] * 1e6:.1f} us", ratio(data[name], first[name])]
    table.add([*cells, str(wrong)], data)


async def _commit(scene: Live, books: int) -> float:
    """Changes of single rows, until all is in the live queries; CPU seconds of the writer."""
    fence = scene.hub.fences.new()

    def write() -> float:
        begin = time.thread_time()
        scene.connection.execute(CALL, (0, CHANGES, 1, books))
        scene.connection.execute("SELECT pg_notify(%s, %s)", (scene.hub.fence_channel, fence.token))
        return time.thread_time() - begin

    seconds = await scene.write(write)
    await scene.hub.passed(fence)
    return seconds


async def _wrong(scene: Live) -> int:
    right = await scene.write(_right, scene)
    await scene.quiet()
    return sum(
        contents(query, "pages") != right[place] for place, query in enumerate(scene.queries)
    )


def _right(scene: Live) -> list[Contents]:
    sql = "SELECT id::text, pages FROM bookstore_book ORDER BY author_id"
    rows: Iterable[tuple[str, int]] = scene.connection.execute(sql).fetchall()
    return [{identity: pages} for identity, pages in rows]
