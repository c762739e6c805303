"""Modules that a page loads when it needs them: `import()` in a Meteor app (Meteor 3)."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from dddp.meteor.bundle import File

FETCH_PATH = "__meteor__/dynamic-import/fetch"
MOST_LEVELS = 100

Tree = dict[str, Any]


def wanted(body: bytes) -> Tree:
    """What a client asks for: `{"imports": {"ui": {"dialog.js": 1}}}`.

    Raises:
        ValueError: it is something else.
    """
    try:
        tree = json.loads(body)
    except RecursionError:
        raise ValueError("nested too deep") from None
    if not isinstance(tree, dict):
        raise ValueError("not an object")
    return tree


def fetched(tree: Tree, modules: Mapping[str, File]) -> Tree:
    """The same tree, with the sources of the modules there are; each once.

    Raises:
        ValueError: it is nested too deep.
    """
    answer: Tree = {}
    sent: set[str] = set()
    for parts in _paths(tree, ()):
        # Meteor writes the files of packages ("meteor/local:shop") without colons.
        path = "/".join(parts).replace(":", "_")
        file = modules.get(path)
        # Spelled in many ways, one module would make a small request a huge answer.
        if file is None or path in sent:
            continue
        sent.add(path)
        branch = answer
        for part in parts[:-1]:
            branch = branch.setdefault(part, {})
        branch[parts[-1]] = file.path.read_text("utf-8")
    return answer


def _paths(node: Tree, above: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    if len(above) > MOST_LEVELS:
        raise ValueError("nested too deep")
    for name, child in node.items():
        path = (*above, name)
        if isinstance(child, dict):
            yield from _paths(child, path)
        elif child:
            yield path
