"""What a run does: the command line."""

from __future__ import annotations

import argparse
from pathlib import Path

from benchmarks import inside
from benchmarks.cases import Scale

CASES = ["notify", "fanout", "latency", "rates", "initial", "memory", "storm", "methods"]
CASES += ["reconnect", "writes", "enumeration", "peer"]
ENGINE_CASES = [*inside.CASES, "burst"]
"""Run when named, or with --all: they take longer than all others."""

DESCRIPTION = "Load benchmarks: all cases but those of the engine, or those named."


def parse(arguments: list[str] | None = None) -> argparse.Namespace:
    """Attributes: those of `Scale`, cases, output, resume, charts."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=DESCRIPTION)
    parser.add_argument(
        "cases", nargs="*", metavar="CASE", help=f"of {', '.join(CASES + ENGINE_CASES)}"
    )
    parser.add_argument("--all", action="store_true", help="the engine's cases too")
    parser.add_argument("--output", type=Path, help="the JSON file; else a new one in results/")
    parser.add_argument(
        "--resume", action="store_true", help="cases that --output has are not run again"
    )
    parser.add_argument("--charts", type=Path, help="folder for a chart (SVG) of each table")
    _add_scale(parser)
    options = parser.parse_args(arguments)
    options.cases = options.cases or CASES + (ENGINE_CASES if options.all else [])
    if unknown := set(options.cases) - {*CASES, *ENGINE_CASES}:
        parser.error(
            f"There is no case {', '.join(unknown)}: choose of {', '.join(CASES + ENGINE_CASES)}."
        )
    if options.resume and options.output is None:
        parser.error("--resume needs --output, the file to go on with.")
    return options


def scale_of(options: argparse.Namespace) -> Scale:
    return Scale(**{name: getattr(options, name) for name in Scale.__dataclass_fields__})


def _add_scale(parser: argparse.ArgumentParser) -> None:
    number, numbers, seconds = {"type": int}, {"type": int, "nargs": "+"}, {"type": float}
    add = parser.add_argument_group("how much of everything").add_argument
    add("--clients", **numbers, default=[100, 1_000, 5_000], help="fanout")
    add("--rounds", **number, default=300, help="fanout: single changes with few clients")
    add("--documents", **number, default=10_000, help="initial")
    add("--connections", **number, default=2_000, help="memory")
    add("--storm", **number, default=2_000, help="storm: clients")
    add("--reconnecting", **number, default=1_000, help="reconnect: clients")
    add("--many", **number, default=100, help="latency, rates, initial: clients")
    add("--latency-rounds", **number, default=1_000, help="latency: single changes")
    add("--latency-rate", **number, default=500, help="latency: changes a second")
    add("--latency-seconds", **seconds, default=6.0, help="latency: of them")
    add("--rates", **numbers, default=[500, 1_000, 2_000, 3_000], help="rates: changes a second")
    add("--rate-seconds", **seconds, default=3.0, help="rates: of each")
    add("--live-queries", **number, default=10_000, help="rates: of which one matches")
    add("--callers", **numbers, default=[1, 10, 50], help="methods: clients")
    add("--call-seconds", **seconds, default=1.0, help="methods: each, twice")
    add("--saves", **number, default=500, help="writes: single saves")
    add("--writers-clients", **number, default=1_000, help="writes: subscribers")
    add("--updates", **numbers, default=[900, 10_000], help="writes: rows")
    add("--guesses", **number, default=21, help="enumeration: calls of each kind")
    add("--peer-clients", **numbers, default=[1, 100, 1_000], help="peer: clients of one change")
    add("--peer-seconds", **seconds, default=5.0, help="peer: of changes in a row")
    add("--peer-storm", **number, default=500, help="peer: clients that connect at once")
    add("--queries", **numbers, default=[10, 1_000, 10_000, 100_000], help="decided: live queries")
    add("--subscriptions", **numbers, default=[10, 1_000, 10_000], help="asked, members, data")
    add("--changes", **number, default=30, help="asked, members, data: of each kind")
    add("--subscribers", **number, default=10_000, help="sharing")
    add("--rows", **number, default=100_000, help="burst: books")
    add("--commits", **number, default=5_000, help="burst: a second")
    add("--seconds", **seconds, default=60.0, help="burst: of commits")
