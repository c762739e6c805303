"""What is written in C here: the floor and the load client, where there is a compiler."""

from __future__ import annotations

import atexit
import shutil
import subprocess
from functools import cache
from pathlib import Path
from tempfile import mkdtemp

HERE = Path(__file__).parent
COMPILER = shutil.which("cc")
NO_COMPILER = "There is no C compiler (cc): the floor is Python's, and so is the load client."


@cache
def compiled(name: str) -> Path | None:
    """The program made of `NAME.c`; None without a compiler."""
    if COMPILER is None:
        return None
    folder = Path(mkdtemp(prefix="benchmarks-"))
    atexit.register(shutil.rmtree, folder)
    program = folder / name
    subprocess.run([COMPILER, "-O2", "-o", program, HERE / f"{name}.c"], check=True)
    return program
