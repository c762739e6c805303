"""The machine: which core does what, what a process has used, what kind of machine it is."""

from __future__ import annotations

import asyncio
import os
import platform
import resource
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

CORES = sorted(os.sched_getaffinity(0))
SERVER_CORE = CORES[0]
LOAD_CORE = CORES[-1]
QUIET_SECONDS = 0.3
QUIET_SHARE = 0.02


def describe() -> dict[str, str | float]:
    return {
        "cpu": _cpu_model(),
        "cores": len(CORES),
        "kernel": platform.release(),
        "python": platform.python_version(),
        # Of others too: the lower, the more the figures mean.
        "load_average": os.getloadavg()[0],
    }


def _cpu_model() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.split(":", 1)[1].strip()
    return platform.machine()


@contextmanager
def on_core(core: int) -> Iterator[None]:
    """What is started in here runs on that core alone."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {core})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def allow_many_files() -> None:
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def cpu_seconds(pid: int) -> float:
    """User and system time of a process and its descendants."""
    # The clock of another process (Linux: clock_getcpuclockid(3)), far finer than /proc/PID/stat.
    own = time.clock_gettime((~pid << 3) | 2)
    return own + sum(cpu_seconds(child) for child in _children(pid))


async def quiet(pid: int) -> None:
    """Return when a process does nothing any more, or hardly anything."""
    before = -1.0
    while (now := cpu_seconds(pid)) - before > QUIET_SHARE * QUIET_SECONDS:
        before = now
        await asyncio.sleep(QUIET_SECONDS)


def resident(pid: int) -> int:
    """Bytes of memory of a process and its descendants, what they share counted for each."""
    own = int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    return own + sum(resident(child) for child in _children(pid))


def _children(pid: int) -> list[int]:
    found = []
    for task in Path(f"/proc/{pid}/task").iterdir():
        with suppress(OSError):  # a thread that has ended
            found += (task / "children").read_text().split()
    return [int(child) for child in found]


def revision() -> str:
    """The commit that is measured."""
    command = ["git", "describe", "--always", "--dirty"]
    done = subprocess.run(
        command, capture_output=True, text=True, check=False, cwd=Path(__file__).parent
    )
    return done.stdout.strip() or "unknown"
