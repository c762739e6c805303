"""Runs the tests of the browser client, which are JavaScript: one for each file."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

HERE = Path(__file__).parent


@pytest.mark.parametrize("name", sorted(path.name for path in HERE.glob("*.test.mjs")))
def test_file(name: str) -> None:
    node = shutil.which("node")
    if node is None:
        what = "The JavaScript client is not tested: install node 20.19 or later."
        (pytest.fail if os.environ.get("CI") else pytest.skip)(what)
    done = subprocess.run(
        [node, "--test", name],
        cwd=HERE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert done.returncode == 0, done.stdout
