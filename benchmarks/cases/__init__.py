"""One module for each case; `run(world)` returns its tables."""

from __future__ import annotations

from dataclasses import dataclass

from benchmarks.processes import Served


@dataclass
class World:
    """What cases measure, and how much of it."""

    dsn: str
    dddp: Served
    floor: Served
    sizes: list[int]
    documents: int
    rounds: int
