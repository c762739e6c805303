"""`python -m benchmarks`: all cases, or those named; prints tables and writes JSON."""

from __future__ import annotations

import gc
import os
import sys
import tempfile
import time
import traceback
from contextlib import ExitStack
from importlib import import_module
from pathlib import Path

import uvloop

from benchmarks import bookstore, charts, comparison, inside, machine, options
from benchmarks.cases import Scale, World
from benchmarks.figures import Table
from benchmarks.results_file import Results


def main() -> int:
    given = options.parse()
    machine.allow_many_files()
    results = Results(given.output, given.resume)
    cases = [name for name in given.cases if not results.has(name)]
    failed = measure(cases, options.scale_of(given), results) if cases else []
    code = report(results, given.charts)
    if failed:
        print(f"Not measured: {', '.join(failed)}. Go on with --output {results.path} --resume")
    return 1 if failed else code


def measure(cases: list[str], scale: Scale, results: Results) -> list[str]:
    """Run these cases; returns those that could not be measured, after telling why."""
    failed = []
    with (
        tempfile.TemporaryDirectory() as folder,
        bookstore.database() as dsn,
        ExitStack() as stack,
    ):
        world = World(dsn, scale, Path(folder), stack)
        os.sched_setaffinity(0, {machine.LOAD_CORE})
        # Pauses of the load client would be measured as the server's.
        gc.disable()
        for name in cases:
            try:
                run(name, world, results)
            except Exception:
                traceback.print_exc()
                failed.append(name)
                world.stop()
        for log in sorted(world.logs.iterdir()):
            print(_tell_log(log), end="")
    return failed


def run(name: str, world: World, results: Results) -> None:
    begin = time.monotonic()
    tables: list[Table]
    if name in inside.CASES:
        world.stop()
        tables = inside.run(name, world.dsn, world.scale)
    else:
        tables = uvloop.run(import_module(f"benchmarks.cases.{name}").run(world))
    gc.collect()
    for table in tables:
        print(table, end="\n\n", flush=True)
    print(f"({name}: {time.monotonic() - begin:.0f} s)\n", flush=True)
    results.add(name, tables)


def report(results: Results, folder: Path | None) -> int:
    """Compare, draw, and say whether all deliveries were right: 0, else 1."""
    for table in (comparison.now_and_then(results), comparison.targets(results)):
        if table.rows:
            print(table, end="\n\n")
    if folder:
        print(f"{len(charts.draw(results.document, folder))} charts are in {folder}.")
    print(f"Written to {results.path}")
    if results.lost:
        print(f"{results.lost} deliveries were lost or wrong: their figures mean nothing.")
    return 1 if results.lost else 0


def _tell_log(path: Path) -> str:
    """What the server complained about, the last of it."""
    lines = path.read_text(errors="replace").splitlines(keepends=True)
    said = [line for line in lines if not line.startswith(("Listening on", "INFO:"))]
    return "".join([f"{path.stem}: {len(said)} lines, the last are\n", *said[-10:]] if said else [])


if __name__ == "__main__":
    sys.exit(main())
