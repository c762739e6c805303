"""`python -m benchmarks`: all cases, or those named; prints tables and writes JSON."""

from __future__ import annotations

import argparse
import datetime
import gc
import json
import os
import sys
import tempfile
from importlib import import_module
from pathlib import Path

import uvloop

from benchmarks import bookstore, machine
from benchmarks.cases import World
from benchmarks.figures import Table
from benchmarks.processes import dddp_server, floor_server

CASES = ["notify", "fanout", "initial"]
RESULTS = Path(__file__).parent / "results"


def main() -> int:
    options = parse()
    machine.allow_many_files()
    before = machine.describe()
    with tempfile.TemporaryDirectory() as folder, bookstore.database() as dsn:
        logs = Path(folder)
        with (
            dddp_server(logs / "dddp.log") as dddp,
            floor_server(logs / "floor.log", dsn) as floor,
        ):
            os.sched_setaffinity(0, {machine.LOAD_CORE})
            # Pauses of the load client would be measured as the server's.
            gc.disable()
            world = World(dsn, dddp, floor, options.clients, options.documents, options.rounds)
            results = {name: uvloop.run(run(name, world)) for name in options.cases}
        print(_tell_log(logs / "dddp.log"), end="")
    path = write(results, before, options.output)
    print(f"Written to {path}")
    return 1 if any(table.lost for tables in results.values() for table in tables) else 0


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("cases", nargs="*", metavar="CASE", help=f"of {', '.join(CASES)}")
    parser.add_argument("--clients", type=int, nargs="+", default=[1, 100, 1000])
    parser.add_argument("--documents", type=int, default=10_000)
    parser.add_argument("--rounds", type=int, default=300, help="single changes with few clients")
    parser.add_argument("--output", type=Path, help="the JSON file; else a new one in results/")
    options = parser.parse_args()
    options.cases = options.cases or CASES
    if unknown := set(options.cases) - set(CASES):
        parser.error(f"There is no case {', '.join(unknown)}: choose of {', '.join(CASES)}.")
    return options


async def run(name: str, world: World) -> list[Table]:
    tables: list[Table] = await import_module(f"benchmarks.cases.{name}").run(world)
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
    }
    path = output or RESULTS / f"{now:%Y-%m-%d-%H%M%S}.json"
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(document, indent=1) + "\n")
    return path


def _tell_log(path: Path) -> str:
    """What the server complained about."""
    lines = path.read_text(errors="replace").splitlines(keepends=True)
    return "".join(line for line in lines if "Listening on" not in line)


if __name__ == "__main__":
    sys.exit(main())
