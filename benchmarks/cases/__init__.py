"""One module for each case; `run(world)` returns its tables.

The cases named in `benchmarks.inside` have the server in their own process, a new one for each:
their `run(dsn, scale)` is called there.
"""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from benchmarks.processes import Served, dddp_server, floor_server


@dataclass(frozen=True)
class Scale:
    """How much of everything; see the options of `python -m benchmarks`."""

    clients: list[int]
    documents: int
    rounds: int
    queries: list[int]
    subscriptions: list[int]
    changes: int
    subscribers: int
    rows: int
    seconds: float
    commits: int


@dataclass
class World:
    """What cases measure, started when it is needed first."""

    dsn: str
    scale: Scale
    logs: Path
    stack: ExitStack

    @cached_property
    def dddp(self) -> Served:
        return self.stack.enter_context(dddp_server(self.logs / "dddp.log"))

    @cached_property
    def floor(self) -> Served:
        return self.stack.enter_context(floor_server(self.logs / "floor.log", self.dsn))
