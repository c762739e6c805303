"""Who may import whom: downward only, and the modules without I/O stay so."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import dddp

PACKAGE = Path(dddp.__file__).parent
BASE = {"version", "exceptions", "ejson", "alea", "random_stream"}

# From bottom to top; a module may import its own layer and those before it.
LAYERS: list[set[str]] = [
    BASE,
    {"conf"},
    {"protocol"},
    {"changefeed"},
    {"livequery"},
    {"fields", "operations", "api"},
    {"session"},
    {"transports"},
    {"asgi", "apps", "checks", "models"},
    {"accounts"},
    {"meteor", "views"},
    {"server"},
    {"management"},
]
# Beside the layers: what users test with. It knows the protocol and nothing of the server.
TESTING_MAY_IMPORT = {*BASE, "protocol", "testing"}

# What these apps show can be written by everybody.
APPS = {"accounts", "meteor"}
APPS_MAY_IMPORT = {"dddp.api", "dddp.exceptions", "dddp.ejson"}

WITHOUT_IO = {
    *BASE,
    "api.rate_limit",
    "protocol",
    "changefeed.payload",
    "changefeed.snapshot",
    "livequery.answers",
    "livequery.document",
    "livequery.group",
    "livequery.index",
    "livequery.needs",
    "livequery.netting",
    "livequery.owners",
    "livequery.plan",
    "livequery.predicates",
    "livequery.query",
    "livequery.questions",
    "livequery.tables",
    "livequery.template",
    "livequery.transaction",
    "session.batch",
    "session.initial",
    "session.rate_limiter",
    "session.visibility",
}
IO = {"asyncio", "django", "psycopg", "select", "socket", "subprocess", "threading", "time"}
# Nothing but these import these: Django does.
ENTRANCES = {"apps", "checks", "management"}


def name_of(path: Path) -> str:
    parts = path.relative_to(PACKAGE).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = {name_of(path): path for path in sorted(PACKAGE.rglob("*.py"))}


def imports(path: Path) -> Iterator[str]:
    """Full names of what a file imports, wherever in it."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: imports are absolute"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def own_imports(path: Path) -> Iterator[str]:
    """Modules of this package that a file imports, without the leading `dddp.`."""
    for full in imports(path):
        name = full.removeprefix("dddp.")
        if name != full:
            yield name if name in MODULES else name.rpartition(".")[0]


def within(name: str, places: set[str]) -> bool:
    return any(name == place or name.startswith(f"{place}.") for place in places)


def layer(name: str) -> int:
    return next(i for i, places in enumerate(LAYERS) if within(name, places))


def modules(*, without: set[str] = frozenset()) -> list[str]:
    return [name for name in MODULES if name and not within(name, without)]


def test_every_module_has_a_layer() -> None:
    known = {"testing"}.union(*LAYERS)
    assert [name for name in modules() if not within(name, known)] == []


@pytest.mark.parametrize("name", modules(without={"testing"}))
def test_imports_go_down(name: str) -> None:
    for imported in own_imports(MODULES[name]):
        if imported:
            assert not within(imported, {"testing"}), f"{name} imports {imported}"
            assert layer(imported) <= layer(name), f"{name} imports {imported}, a layer above it"


def test_testing_knows_the_protocol_only() -> None:
    for name in (name for name in MODULES if within(name, {"testing"})):
        for imported in own_imports(MODULES[name]):
            assert within(imported, TESTING_MAY_IMPORT), f"{name} imports {imported}"


@pytest.mark.parametrize("app", sorted(APPS))
def test_apps_know_public_names_only(app: str) -> None:
    for name in (name for name in MODULES if within(name, {app})):
        for full in imports(MODULES[name]):
            own = within(full, {"dddp"}) and not within(full, {f"dddp.{app}"})
            module, _, imported = full.rpartition(".")
            public = module in APPS_MAY_IMPORT and not imported.startswith("_")
            assert public or not own, f"{name} imports {full}"


@pytest.mark.parametrize("entrance", sorted(ENTRANCES))
def test_nobody_imports_an_entrance(entrance: str) -> None:
    importers = {
        name
        for name in modules(without=ENTRANCES)
        if any(within(imported, {entrance}) for imported in own_imports(MODULES[name]))
    }
    assert importers == set()


@pytest.mark.parametrize("name", [name for name in modules() if within(name, WITHOUT_IO)])
def test_without_io(name: str) -> None:
    for full in imports(MODULES[name]):
        assert full.split(".")[0] not in IO, f"{name} imports {full}"
    for imported in own_imports(MODULES[name]):
        assert within(imported, WITHOUT_IO), f"{name} imports {imported}, which does I/O"


@pytest.mark.parametrize("name", sorted(BASE))
def test_base_needs_the_json_codec_only(name: str) -> None:
    allowed = {*sys.stdlib_module_names, "dddp", "msgspec"}
    assert {full.split(".")[0] for full in imports(MODULES[name])} <= allowed


def test_names_without_io_exist() -> None:
    assert [place for place in WITHOUT_IO if place not in MODULES] == []
