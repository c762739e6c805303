"""This run beside earlier ones, and beside what the project has set itself."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from benchmarks.figures import Table, number, ratio
from benchmarks.results_file import Results, earlier


@dataclass(frozen=True)
class Target:
    """What a figure must get to: at most `limit`, or at least."""

    case: str
    figure: str
    limit: float
    at_least: bool = False

    def is_met(self, value: float) -> bool:
        return value >= self.limit if self.at_least else value <= self.limit


TARGETS = [
    Target("fanout", "dddp 1,000: cpu_single of floor", 1.5),
    Target("fanout", "dddp 5,000: cpu_single of floor", 1.5),
    Target("fanout", "stock 1,000: cpu_single of floor", 3),
    Target("fanout", "stock 5,000: cpu_single of floor", 3),
    Target("peer", "one change, 1,000 clients: CPU per delivery, of dddp's", 25, at_least=True),
    Target("latency", "idle, 1 client, dddp: p50 of floor", 2),
    Target("latency", "idle, 1 client, dddp: p99 ms", 10),
    Target("rates", "one query: changes/s sustained", 2_000, at_least=True),
    Target("rates", "ignored: changes/s of server CPU", 20_000, at_least=True),
    Target("initial", "one client: documents/s", 150_000, at_least=True),
    Target("initial", "one client: floor's documents/s of its", 2),
    Target("memory", "idle connection, dddp: KiB", 10),
    Target("memory", "subscriber of 1,000 documents, dddp: KiB", 2),
    Target("storm", "dddp: seconds", 2),
    Target("methods", "echo on_loop, 50 clients: calls/s", 15_000, at_least=True),
    Target("methods", "write, 10 clients: time of the view's", 1.3),
    Target("writes", "save, 0 subscribers: us more", 150),
    Target("writes", "save, 1,000 subscribers: us more", 150),
    Target("enumeration", "failed login: existing of unknown", 1.1),
    Target("enumeration", "failed login: existing of unknown", 0.9, at_least=True),
    Target("enumeration", "forgotPassword: existing of unknown", 1.1),
    Target("enumeration", "forgotPassword: existing of unknown", 0.9, at_least=True),
]


def targets(results: Results) -> Table:
    """What is met and what is not, of the cases that have been run."""
    table = Table("Targets", ["case", "figure", "target", "measured", ""])
    for target in TARGETS:
        if not results.has(target.case):
            continue
        value = results.document["figures"][target.case].get(target.figure)
        limit = f"{'at least' if target.at_least else 'at most'} {target.limit:,g}"
        measured = "-" if value is None else number(value)
        said = "not measured" if value is None else "met" if target.is_met(value) else "NOT MET"
        table.add([target.case, target.figure, limit, measured, said], {"figure": target.figure})
    return table


def now_and_then(results: Results) -> Table:
    """Every figure of this run that an earlier one has too."""
    table = Table("Now and then", ["case", "figure", "now", "then", "now / then", "then was"])
    before = earlier(results)
    for case, figures in results.document["figures"].items():
        for name, value in figures.items():
            if (case, name) in before:
                then, document = before[case, name]
                cells = [case, name, number(value), number(then), ratio(value, then)]
                table.add([*cells, _origin(document, results.document)], {"name": name})
    return table


def _origin(document: dict[str, Any], now: dict[str, Any]) -> str:
    here, there = now["machine"], document["machine"]
    same = all(here[key] == there[key] for key in ("cpu", "cores"))
    where = "" if same else f", on {there['cores']} cores of {there['cpu']}"
    return f"{document['date'][:10]} {document['revision']}{where}"
