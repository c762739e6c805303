"""Many who see the same: one live query, one set of documents; what each of them costs."""

from __future__ import annotations

import asyncio
import gc
import os
import tracemalloc
from collections.abc import Callable

from benchmarks import bookstore
from benchmarks.cases import Scale
from benchmarks.crowd import PONG, READY_SECONDS
from benchmarks.figures import Table, ratio
from benchmarks.live import Live, live
from benchmarks.machine import resident
from dddp.session.info import ConnectionInfo

BOOKS = 1_000
TRACED_SHARE = 10
LIMIT = 2 * 1024
CONNECT = '{"msg":"connect","version":"1","support":["1"]}'
SUBSCRIBE = '{"msg":"sub","id":"s","name":"AllBooks","params":[]}'
DOCUMENTS = BOOKS + 1  # and their author


def run(dsn: str, scale: Scale) -> list[Table]:
    return [asyncio.run(_run(dsn, scale))]


async def _run(dsn: str, scale: Scale) -> Table:
    table = Table(
        f"Sharing: identical subscriptions of {BOOKS:,} documents, bytes of memory each",
        [
            "",
            "sessions",
            "idle session",
            "a subscription more",
            "of idle",
            "live queries",
            "documents kept",
            "wrong",
        ],
        notes=[
            "A session with what its transport keeps for it, a task that takes its frames, but no "
            "socket. Resident memory, then what Python has allocated (tracemalloc; fewer).",
            f"A subscription is of two live queries: the {BOOKS:,} books and their one author.",
        ],
    )
    async with live(dsn) as scene:
        await scene.execute(bookstore.fill(BOOKS))
        await _measure(scene, table, "resident", scale.subscribers, lambda: resident(os.getpid()))
        tracemalloc.start()
        some = max(2, scale.subscribers // TRACED_SHARE)
        await _measure(scene, table, "allocated", some, lambda: tracemalloc.get_traced_memory()[0])
        tracemalloc.stop()
    return table


class Client:
    """A session, and the task that takes its frames."""

    def __init__(self, scene: Live) -> None:
        self.session = scene.hub.open(ConnectionInfo())
        self.added = self.changed = 0
        self._is_ready = asyncio.Event()
        self._task = asyncio.create_task(self._take())

    async def connect(self) -> None:
        await self.session.receive(CONNECT)

    async def subscribe(self) -> None:
        await self.session.receive(SUBSCRIBE)
        async with asyncio.timeout(READY_SECONDS):
            await self._is_ready.wait()

    async def close(self) -> None:
        self.session.lost()
        await self._task

    async def _take(self) -> None:
        while (frames := await self.session.outbox.take()) is not None:
            for frame in frames:
                self.added += frame.data.startswith(b'{"msg":"added"')
                self.changed += frame.data.startswith(b'{"msg":"changed"')
                if frame.data.startswith(b'{"msg":"ready"'):
                    self._is_ready.set()
                elif frame.data.startswith(b'{"msg":"ping"'):
                    await self.session.receive(PONG)
            del frames


async def _measure(
    scene: Live, table: Table, name: str, size: int, memory: Callable[[], int]
) -> None:
    """The first client's subscription pays for the documents; it is not counted."""
    first = Client(scene)
    await first.connect()
    await first.subscribe()
    start = _settled(memory)
    clients = [Client(scene) for _ in range(size)]
    for client in clients:
        await client.connect()
    idle = (_settled(memory) - start) / size
    before = _settled(memory)
    for client in clients:
        await client.subscribe()
    each = (_settled(memory) - before) / size
    everyone = [first, *clients]
    wrong = await _wrong(scene, everyone)
    queries = scene.hub.engine.queries
    kept = sum(len(query.documents) for query in queries)
    data = {"name": name, "sessions": size, "idle": idle, "each": each, "ratio": each / idle}
    data |= {"live_queries": len(queries), "documents": kept, "limit": LIMIT, "wrong": wrong}
    cells = [name, f"{size:,}", f"{idle:,.0f}", f"{each:,.0f}", ratio(each, idle)]
    table.add([*cells, str(len(queries)), f"{kept:,}", str(wrong)], data)
    table.lost += wrong
    for client in everyone:
        await client.close()


def _settled(memory: Callable[[], int]) -> int:
    gc.collect()
    return memory()


async def _wrong(scene: Live, clients: list[Client]) -> int:
    """Clients who have not got everything once, and one change of it once."""
    for client in clients:
        client.changed = 0
    await scene.execute("UPDATE bookstore_book SET title = title || '.' WHERE id = 1")
    await scene.quiet()
    while any(client.session.outbox.size for client in clients):  # noqa: ASYNC110, same loop
        await asyncio.sleep(0)
    return sum(client.added != DOCUMENTS or client.changed != 1 for client in clients)
