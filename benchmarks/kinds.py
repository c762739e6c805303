"""What one change costs a server that has to ask the database, by kind of change."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from benchmarks import statements
from benchmarks.figures import Table, median, ratio
from benchmarks.live import Contents, Cost, Live, Statement

EACH_AT_MOST = 100
WARM_UP = 2
COLUMNS = [
    "",
    "live queries",
    "statements",
    "database",
    "by hand",
    "ratio",
    "EXISTS each",
    "server CPU",
    "up to date after",
    "wrong",
]
NOTES = [
    "Statements: the most of a change; all else medians. Database: planning and execution.",
    f"EXISTS each: from {EACH_AT_MOST} of them, scaled to all.",
]


@dataclass(frozen=True)
class Kind:
    """Changes of one kind, and the statements they are compared with.

    Attributes:
        change: the statement of the n-th change.
        by_hand: the statement that finds out by itself whom it concerns.
        exists: whether it concerns one subscription, the n-th.
    """

    name: str
    change: Callable[[int], Statement]
    by_hand: Callable[[int], Statement]
    exists: Callable[[int], Statement]


@dataclass(frozen=True)
class Group:
    """Live queries of one shape: what `Kind`s of changes are tried on.

    Attributes:
        hold: have so many live.
        right: what each has to contain, read from the database: `field` of its documents.
    """

    name: str
    hold: Callable[[Live, int], Awaitable[None]]
    field: str
    right: Callable[[Live, int], dict[int, Contents]]
    kinds: list[Kind]


async def measure(live: Live, table: Table, group: Group, size: int, changes: int) -> None:
    """Add the rows of one group with so many live queries; nothing is live afterwards."""
    await group.hold(live, size)
    for kind in group.kinds:
        costs = [await live.change(*kind.change(number)) for number in range(WARM_UP)]
        await live.write(statements.forget, live.connection)
        costs = [await live.change(*kind.change(WARM_UP + number)) for number in range(changes)]
        asked = await live.write(statements.texts, live.connection)
        by_hand = [await live.yardstick(*kind.by_hand(number)) for number in range(changes)]
        each = await _exists_each(live, kind, size)
        right = await live.write(group.right, live, size)
        wrong = await live.wrong(group.field, right)
        technique = live.queries[0].plan.technique.split(", as ")[0]
        data = {"group": group.name, "kind": kind.name, "live_queries": size, "asked": asked}
        data |= {"technique": technique, "wrong": wrong}
        _add(table, data, costs, median(by_hand), each)
        table.lost += wrong
    note = f"{group.name}: {technique}."
    if note not in table.notes:
        table.notes.append(note)
    live.let_go()


async def _exists_each(live: Live, kind: Kind, size: int) -> float:
    tried = min(size, EACH_AT_MOST)
    times = [await live.yardstick(*kind.exists(number)) for number in range(tried)]
    return sum(times) / tried * size


def _add(
    table: Table, data: dict[str, Any], costs: list[Cost], by_hand: float, each: float
) -> None:
    most = max(cost.asked.statements for cost in costs)
    database = median([cost.asked.milliseconds for cost in costs])
    cpu = median([cost.cpu for cost in costs]) * 1e3
    seconds = median([cost.seconds for cost in costs]) * 1e3
    data |= {"statements": most, "database": database, "by_hand": by_hand, "exists_each": each}
    data |= {"cpu": cpu, "up_to_date": seconds}
    cells = [
        f"{data['group']}: {data['kind']}",
        f"{data['live_queries']:,}",
        f"{most}",
        f"{database:.2f} ms",
        f"{by_hand:.2f} ms",
        ratio(database, by_hand),
        f"{each:,.1f} ms",
        f"{cpu:.1f} ms",
        f"{seconds:.1f} ms",
        f"{data['wrong']}",
    ]
    table.add(cells, data)
