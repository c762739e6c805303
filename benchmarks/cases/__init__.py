"""One module for each case; `run(world)` returns its tables.

The cases named in `benchmarks.inside` have the server in their own process, a new one for each:
their `run(dsn, scale)` is called there.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import cached_property, partial
from itertools import count
from pathlib import Path

from benchmarks.processes import Served, c_floor, dddp_server, listening_floor, stock_server

LIVE = {
    "dddp": dddp_server,
    # A live query ends with its last subscriber: whoever comes next is the first again.
    "forgetful": partial(dddp_server, variables={"BENCHMARK_GRACE_SECONDS": "0"}),
    "stock": stock_server,
}


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
    callers: list[int]
    call_seconds: float
    connections: int
    storm: int
    guesses: int
    peer_clients: list[int]
    peer_seconds: float
    peer_storm: int
    reconnecting: int
    many: int
    latency_rounds: int
    latency_rate: int
    latency_seconds: float
    rates: list[int]
    rate_seconds: float
    live_queries: int
    saves: int
    writers_clients: int
    updates: list[int]


@dataclass
class World:
    """What cases measure, started when it is needed first.

    Of those that listen to the database one runs at a time: the others would work as well, on the
    same core, at every change.
    """

    dsn: str
    scale: Scale
    logs: Path
    stack: ExitStack
    _numbers: Iterator[int] = field(default_factory=count)
    _live: dict[str, Served] = field(default_factory=dict)
    _live_stack: ExitStack = field(default_factory=ExitStack)

    @property
    def dddp(self) -> Served:
        return self.live("dddp")

    @property
    def stock(self) -> Served:
        return self.live("stock")

    def live(self, name: str) -> Served:
        if name not in self._live:
            self.stop()
            self.stack.push(self._live_stack)
            self._live[name] = self._live_stack.enter_context(LIVE[name](self._log(name)))
        return self._live[name]

    def stop(self) -> None:
        """Let none that listens to the database run."""
        self._live_stack.close()
        self._live.clear()

    @cached_property
    def floor(self) -> Served:
        """What it is told goes to everyone: the least there is."""
        return self.stack.enter_context(c_floor(self._log("floor")))

    @cached_property
    def listening_floor(self) -> Served:
        """What PostgreSQL notifies goes to everyone."""
        return self.stack.enter_context(listening_floor(self._log("listening-floor"), self.dsn))

    def _log(self, name: str) -> Path:
        return self.logs / f"{name}-{next(self._numbers)}.log"
