"""Sees when the files of a project change."""

from __future__ import annotations

import os
import sys
import sysconfig
from pathlib import Path

SUFFIXES = (".py", ".html", ".jinja", ".j2", ".mo")
"""Code, and what Django caches until the process ends: templates, translations."""

SKIPPED = {"node_modules", "__pycache__", "site-packages", "dist-packages"}
INSTALLED = ("stdlib", "platstdlib", "purelib", "platlib")


class Watch:
    """The files below the directories that code is imported from, installed packages aside.

    Args:
        roots: the directories; those of `sys.path` when None.
    """

    def __init__(self, roots: list[Path] | None = None) -> None:
        self._roots = _project_roots() if roots is None else roots
        self._seen = self._look()

    def changed(self) -> Path | None:
        """A file that was written, made or removed since the last call, None if there is none."""
        before, self._seen = self._seen, self._look()
        different = before.items() ^ self._seen.items()
        return Path(min(path for path, _ in different)) if different else None

    def _look(self) -> dict[str, int]:
        return {path: when for root in self._roots for path, when in _files(root)}


def _project_roots() -> list[Path]:
    installed = [Path(path).resolve() for path in map(sysconfig.get_path, INSTALLED) if path]
    roots = {Path(path).resolve() for path in sys.path}
    wanted = [
        root
        for root in roots
        if root.is_dir()
        and not SKIPPED.intersection(root.parts)
        and not any(root.is_relative_to(path) for path in installed)
    ]
    return [root for root in wanted if not any(p in wanted for p in root.parents)]


def _files(root: Path) -> list[tuple[str, int]]:
    found: list[tuple[str, int]] = []
    for folder, folders, names in os.walk(root):
        folders[:] = [
            name
            for name in folders
            if name[0] != "."
            and name not in SKIPPED
            and not os.path.exists(os.path.join(folder, name, "pyvenv.cfg"))
        ]
        for name in names:
            if name.endswith(SUFFIXES):
                path = os.path.join(folder, name)
                try:
                    found.append((path, os.stat(path).st_mtime_ns))
                except OSError:
                    continue
    return found
