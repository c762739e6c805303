"""What `make demo` and `make test` say and do on machines that lack something."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TOOLS = ["sh", "bash", "dirname", "find", "touch", "env"]

Run = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def programs(tmp_path: Path) -> Path:
    """All that is on the PATH: some tools, and a user who is not root."""
    folder = tmp_path / "bin"
    folder.mkdir()
    for tool in TOOLS:
        found = shutil.which(tool)
        assert found
        (folder / tool).symlink_to(found)
    add(folder, "id", "echo 1000")
    return folder


def add(folder: Path, name: str, script: str) -> None:
    path = folder / name
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)


@pytest.fixture
def run(programs: Path, tmp_path: Path) -> Run:
    def run(script: str, *arguments: str, **env: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [ROOT / ".ci" / script, *arguments],
            cwd=ROOT,
            env={"PATH": str(programs), "HOME": str(tmp_path), **env},
            capture_output=True,
            text=True,
        )

    return run


class TestPython:
    def test_only_one_with_a_version_in_its_name(self, programs: Path, run: Run) -> None:
        add(programs, "python3.12", f'exec {sys.executable} "$@"')
        assert run("python").stdout == "python3.12\n"

    def test_one_that_is_too_old_is_passed_over(self, programs: Path, run: Run) -> None:
        add(programs, "python3", "exit 1")
        add(programs, "python3.13", f'exec {sys.executable} "$@"')
        assert run("python").stdout == "python3.13\n"

    def test_none(self, run: Run) -> None:
        done = run("python")
        assert done.returncode == 1
        assert done.stderr == (
            "No Python 3.11 or later was found: install python3, or say which one with PYTHON=...\n"
        )

    def test_the_given_one_does_not_fit(self, programs: Path, run: Run) -> None:
        add(programs, "python3", f'exec {sys.executable} "$@"')
        done = run("python", PYTHON="python9")
        assert done.returncode == 1
        assert "was found as python9:" in done.stderr

    def test_all_in_order(self, programs: Path, run: Run) -> None:
        for name in ("python3.13", "python3.11"):
            add(programs, name, f'exec {sys.executable} "$@"')
        names = [Path(line).name for line in run("python", "--all").stdout.splitlines()]
        assert names == ["python3.11", "python3.13"]


class TestVenv:
    def test_without_ensurepip(self, programs: Path, run: Run, tmp_path: Path) -> None:
        refuse = f'case "$2" in *ensurepip*) exit 1; esac; exec {sys.executable} "$@"'
        add(programs, "python3", refuse)
        done = run("venv", str(tmp_path / "venv"))
        version = f"{sys.version_info.major}.{sys.version_info.minor}"
        assert done.returncode == 1
        assert done.stderr == (
            "python3 cannot make virtual environments: run `apt-get install "
            f"python{version}-venv` as root.\n"
        )

    def test_one_that_works_stays(self, run: Run) -> None:
        done = run("venv", sys.prefix)
        assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


@pytest.mark.parametrize(("ci", "code"), [("", 0), ("1", 1)])
class TestMissing:
    """One clear line; with CI set it is a failure."""

    def test_no_chromium(self, run: Run, tmp_path: Path, ci: str, code: int) -> None:
        done = run("chromium", str(tmp_path / "venv"), CI=ci)
        assert (done.returncode, done.stdout) == (code, "")
        assert done.stderr.splitlines()[-1] == (
            "NOT TESTED: the demo page in a browser. Install chromium, or name one in "
            "DDDP_CHROMIUM."
        )

    def test_a_chromium_that_does_not_run(
        self, programs: Path, run: Run, tmp_path: Path, ci: str, code: int
    ) -> None:
        add(programs, "chromium-browser", "echo 'requires the snap'; exit 1")
        assert run("chromium", str(tmp_path / "venv"), CI=ci).returncode == code

    def test_no_node(self, run: Run, tmp_path: Path, ci: str, code: int) -> None:
        done = run("node", str(tmp_path / "venv"), CI=ci)
        assert done.returncode == code
        assert done.stderr.splitlines()[-1] == (
            "NOT TESTED: the JavaScript client, and DDP clients of others. "
            "Install nodejs 20.19 or later and npm."
        )


def test_chromium_that_runs_is_named(programs: Path, run: Run, tmp_path: Path) -> None:
    add(programs, "chromium-browser", "echo 'requires the snap'; exit 1")
    add(programs, "google-chrome", "echo Chrome 150")
    done = run("chromium", str(tmp_path / "venv"))
    assert done.stdout == f"{programs / 'google-chrome'}\n"


def test_ci_run_is_make_test() -> None:
    make = shutil.which("make")
    if make is None:
        pytest.skip("make is not installed")
    environment = {**os.environ, "MAKEFLAGS": "n"}
    done = subprocess.run(
        [ROOT / ".ci" / "run"], cwd="/", env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0
    assert "-m pytest" in done.stdout
