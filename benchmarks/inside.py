"""Cases with the server in their own process: its hub and engine, without sockets."""

from __future__ import annotations

import os
from concurrent.futures import ProcessPoolExecutor
from importlib import import_module
from multiprocessing import get_context

from benchmarks.cases import Scale
from benchmarks.figures import Table
from benchmarks.machine import SERVER_CORE

CASES = ["decided", "asked", "members", "data", "sharing"]


def run(name: str, dsn: str, scale: Scale) -> list[Table]:
    """Run a case in a new process, alone on the server's core."""
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        return pool.submit(_run, name, dsn, scale).result()


def _run(name: str, dsn: str, scale: Scale) -> list[Table]:
    import django

    os.sched_setaffinity(0, {SERVER_CORE})
    django.setup()
    tables: list[Table] = import_module(f"benchmarks.cases.{name}").run(dsn, scale)
    return tables
