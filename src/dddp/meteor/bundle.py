"""What `meteor build --directory` makes, as far as browsers are concerned (Meteor 1.7 to 3.5).

    bundle/star.json                            which programs there are
    bundle/programs/web.browser/program.json    a manifest of all files of one of them
    bundle/programs/server/config.json          the app's id

Nothing but what a manifest names is ever served.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from django.core.exceptions import ImproperlyConfigured

from dddp.meteor import conf

MODERN = "web.browser"
LEGACY = "web.browser.legacy"
DYNAMIC = "dynamic/"
"""Where modules are that a page loads when it needs them."""


@dataclass(frozen=True, slots=True)
class File:
    """One entry of a manifest, or the source map of one.

    Attributes:
        path: where it is.
        type: "js", "css", "asset", "dynamic js", "json" and the like.
        url: how pages link it, from the root of the site: "/app.js?hash=...".
        hash: of its content; "" for source maps, whose URL has it.
        cacheable: its URL changes with its content.
        source_map_url: from the root of the site, or None.
        sri: Base64 of its SHA-512, or None.
    """

    path: Path
    type: str
    url: str
    hash: str
    cacheable: bool
    source_map_url: str | None = None
    sri: str | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Program:
    """What one kind of browsers gets. Equal to itself only, and hashable.

    Attributes:
        files: by the decoded path of their URLs.
        modules: what is loaded when needed, by its path below `dynamic/`.
        css, js: what a page links, in this order.
        manifest: all entries, for the versions.
    """

    arch: str
    files: Mapping[str, File]
    modules: Mapping[str, File]
    css: tuple[File, ...]
    js: tuple[File, ...]
    head: str
    body: str
    manifest: tuple[Mapping[str, Any], ...]


@dataclass(frozen=True, slots=True)
class Bundle:
    """A whole app: its programs by architecture."""

    programs: Mapping[str, Program]
    release: str
    app_id: str | None

    def preferred(self, *, modern: bool) -> list[Program]:
        """All programs, first the one meant for such a browser: another is better than none."""
        order = [MODERN, LEGACY] if modern else [LEGACY, MODERN]
        return [self.programs[arch] for arch in order if arch in self.programs]


@lru_cache(maxsize=16)
def read_bundle(path: str) -> Bundle:
    """The bundle in a folder, or beside a star.json; read once in each process.

    Raises:
        ImproperlyConfigured: there is none, or it is not of the known format.
    """
    given = Path(path)
    star_path = given if given.suffix == ".json" else given / "star.json"
    try:
        return _read_bundle(star_path)
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise ImproperlyConfigured(
            f"{star_path} is not what `meteor build --directory` makes: {error!r}."
        ) from error


def configured_bundle() -> Bundle | None:
    """The bundle of `DDP_METEOR_BUNDLE`, None without that setting. Raises as `read_bundle`."""
    path = conf.get("bundle")
    return None if path is None else read_bundle(str(path))


def _read_bundle(star_path: Path) -> Bundle:
    star = _read_json(star_path, "site-archive-pre1")
    root = star_path.parent
    programs = {
        each["arch"]: _read_program(each["arch"], root / each["path"])
        for each in star["programs"]
        if each["arch"] in (MODERN, LEGACY)
    }
    if not programs:
        raise ValueError("it has no program for browsers")
    config_path = root / "programs" / "server" / "config.json"
    config = json.loads(config_path.read_text("utf-8")) if config_path.is_file() else {}
    return Bundle(programs, star.get("meteorRelease") or "none", config.get("appId"))


def _read_json(path: Path, format: str) -> Any:
    found = json.loads(path.read_text("utf-8"))
    if found["format"] != format:
        raise ValueError(f"{path.name} has the format {found['format']!r} rather than {format!r}")
    return found


def _read_program(arch: str, json_path: Path) -> Program:
    manifest = _read_json(json_path, "web-program-pre1")["manifest"]
    folder = json_path.parent.resolve()
    served = [entry for entry in manifest if entry["where"] == "client" and entry.get("url")]
    files = {entry["path"]: _file(folder, entry) for entry in served}
    maps = [_source_map(folder, entry) for entry in served if entry.get("sourceMap")]
    eager = [file for path, file in files.items() if not path.startswith(DYNAMIC)]
    return Program(
        arch,
        files={_url_path(file.url): file for file in [*files.values(), *maps]},
        modules={
            path.removeprefix(DYNAMIC): file
            for path, file in files.items()
            if path.startswith(DYNAMIC)
        },
        css=tuple(file for file in eager if file.type == "css"),
        js=tuple(file for file in eager if file.type == "js"),
        head=_read_part(folder, manifest, "head"),
        body=_read_part(folder, manifest, "body"),
        manifest=tuple(manifest),
    )


def _file(folder: Path, entry: Mapping[str, Any]) -> File:
    return File(
        _inside(folder, entry["path"]),
        entry["type"],
        entry["url"],
        entry.get("hash") or "",
        bool(entry.get("cacheable")),
        entry.get("sourceMapUrl"),
        entry.get("sri"),
    )


def _source_map(folder: Path, entry: Mapping[str, Any]) -> File:
    return File(_inside(folder, entry["sourceMap"]), "json", entry["sourceMapUrl"], "", True)


def _read_part(folder: Path, manifest: list[Mapping[str, Any]], type: str) -> str:
    paths = [_inside(folder, entry["path"]) for entry in manifest if entry["type"] == type]
    return "".join(path.read_text("utf-8") for path in paths)


def _inside(folder: Path, name: str) -> Path:
    path = (folder / name).resolve()
    if not path.is_relative_to(folder):
        raise ValueError(f"{name!r} leads out of the program's folder")
    return path


def _url_path(url: str) -> str:
    return unquote(urlsplit(url).path)
