"""The benchmarks run, and every message they send arrives."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.mark.timeout(900)  # every case, each with servers of its own
def test_all_cases_run_and_lose_nothing(tmp_path):
    output = tmp_path / "figures.json"
    options = ["--clients", "1", "3", "--documents", "30", "--rounds", "20"]
    command = [sys.executable, "-m", "benchmarks", *options, "--output", str(output)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stdout + done.stderr
    assert "Fan-out: one change" in done.stdout
    cases = json.loads(output.read_text())["cases"]
    sizes = [row["clients"] for row in cases["fanout"][0]["rows"]]
    assert sizes == [1, 3]
    assert all(row["dddp"]["lost"] == 0 for row in cases["fanout"][0]["rows"])
    assert len(cases["initial"][0]["rows"]) == 3
