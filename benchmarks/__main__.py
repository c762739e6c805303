"""`python -m benchmarks`: all cases, or those named; prints tables and writes JSON."""

from __future__ import annotations

import argparse
import datetime
import gc
import json
import os
import sys
import tempfile
from contextlib import ExitStack
from importlib import import_module
from pathlib import Path

import uvloop

from benchmarks import bookstore, inside, machine
from benchmarks.cases import Scale, World
from benchmarks.figures import Table

CASES = ["notify", "fanout", "initial", "methods", "memory", "storm", *inside.CASES, "burst"]
OWN = ("cases", "output")
RESULTS = Path(__file__).parent / "results"


def main() -> int:
    options = parse()
    machine.allow_many_files()
    before = machine.describe()
    given = {name: value for name, value in vars(options).items() if name not in OWN}
    with (
        tempfile.TemporaryDirectory() as folder,
        bookstore.database() as dsn,
        ExitStack() as stack,
    ):
        world = World(dsn, Scale(**given), Path(folder), stack)
        os.sched_setaffinity(0, {machine.LOAD_CORE})
        # Pauses of the load client would be measured as the server's.
        gc.disable()
        results = {name: run(name, world) for name in options.cases}
        for log in sorted(world.logs.iterdir()):
            print(_tell_log(log), end="")
    path = write(results, before, options.output)
    print(f"Written to {path}")
    return 1 if any(table.lost for tables in results.values() for table in tables) else 0


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("cases", nargs="*", metavar="CASE", help=f"of {', '.join(CASES)}")
    parser.add_argument(
        "--clients", type=int, nargs="+", default=[100, 1_000, 5_000], help="fanout"
    )
    number, numbers = {"type": int}, {"type": int, "nargs": "+"}
    add = parser.add_argument
    add("--documents", **number, default=10_000, help="initial")
    add("--rounds", **number, default=300, help="fanout: single changes with few clients")
    add("--queries", **numbers, default=[10, 1_000, 10_000, 100_000], help="decided: live queries")
    add("--subscriptions", **numbers, default=[10, 1_000, 10_000], help="asked, members, data")
    add("--changes", **number, default=30, help="asked, members, data: of each kind")
    add("--subscribers", **number, default=10_000, help="sharing")
    add("--rows", **number, default=100_000, help="burst: books")
    add("--commits", **number, default=5_000, help="burst: a second")
    add("--seconds", type=float, default=60.0, help="burst: of commits")
    add("--callers", **numbers, default=[1, 10, 50], help="methods: clients")
    add("--call-seconds", type=float, default=1.0, help="methods: each, twice")
    add("--connections", **number, default=2_000, help="memory")
    add("--storm", **number, default=2_000, help="storm: clients")
    parser.add_argument("--output", type=Path, help="the JSON file; else a new one in results/")
    options = parser.parse_args()
    options.cases = options.cases or CASES
    if unknown := set(options.cases) - set(CASES):
        parser.error(f"There is no case {', '.join(unknown)}: choose of {', '.join(CASES)}.")
    return options


def run(name: str, world: World) -> list[Table]:
    tables: list[Table]
    if name in inside.CASES:
        tables = inside.run(name, world.dsn, world.scale)
    else:
        tables = uvloop.run(import_module(f"benchmarks.cases.{name}").run(world))
    gc.collect()
    for table in tables:
        print(table, end="\n\n", flush=True)
    return tables


def write(
    results: dict[str, list[Table]], before: dict[str, str | float], output: Path | None
) -> Path:
    now = datetime.datetime.now(datetime.UTC)
    document = {
        "date": now.isoformat(timespec="seconds"),
        "revision": machine.revision(),
        "machine": before,
        "cases": {
            name: [{"title": table.title, "rows": table.data} for table in tables]
            for name, tables in results.items()
        },
        "figures": {
            name: {key: value for table in tables for key, value in table.figures.items()}
            for name, tables in results.items()
        },
    }
    path = output or RESULTS / f"{now:%Y-%m-%d-%H%M%S}.json"
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(document, indent=1) + "\n")
    return path


def _tell_log(path: Path) -> str:
    """What the server complained about."""
    lines = path.read_text(errors="replace").splitlines(keepends=True)
    return "".join(line for line in lines if not line.startswith(("Listening on", "INFO:")))


if __name__ == "__main__":
    sys.exit(main())
