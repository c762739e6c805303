"""Versions of a bundle's programs: what a page compares with what it was made of.

A client of Meteor reloads when `versionNonRefreshable` of its architecture is not the one of its
page, and changes its stylesheets when `versionRefreshable` is not.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any

from dddp.meteor import conf
from dddp.meteor.bundle import Bundle, Program, configured_bundle

Entry = Mapping[str, Any]

KINDS: dict[str, Callable[[Entry], bool]] = {
    "version": lambda entry: True,
    "versionRefreshable": lambda entry: _is_css(entry),
    "versionNonRefreshable": lambda entry: not _is_css(entry) and not entry.get("replaceable"),
    "versionReplaceable": lambda entry: bool(entry.get("replaceable")),
}


def announced() -> dict[str, dict[str, str]]:
    """What `meteor_autoupdate_clientVersions` publishes, by architecture.

    They are those of `DDP_METEOR_BUNDLE`. Without that setting nobody knows what the pages were
    made of that connect here; so nothing is published, and nothing reloads.
    """
    bundle = configured_bundle()
    return {} if bundle is None else _by_architecture(bundle)


def of_page(bundle: Bundle) -> dict[str, dict[str, str]]:
    """For `autoupdate.versions` of a page, by architecture.

    What is announced goes before what the bundle is: a page whose versions are others than those
    that are published would reload for ever.
    """
    return _by_architecture(bundle) | announced()


def _by_architecture(bundle: Bundle) -> dict[str, dict[str, str]]:
    public = conf.public_settings()
    return {arch: versions(program, public) for arch, program in bundle.programs.items()}


def versions(program: Program, public: Mapping[str, Any]) -> dict[str, str]:
    """One for each of KINDS; another when `Meteor.settings.public` is another, too (Meteor 3)."""
    return dict(_versions(program, json.dumps(public, sort_keys=True, default=str)))


@lru_cache(maxsize=64)
def _versions(program: Program, public: str) -> dict[str, str]:
    """Every page and every client asks; a manifest may have thousands of entries."""
    return {kind: _hash(program, public, counts) for kind, counts in KINDS.items()}


def _hash(program: Program, public: str, counts: Callable[[Entry], bool]) -> str:
    parts = [[entry["path"], entry.get("hash")] for entry in program.manifest if counts(entry)]
    return hashlib.sha256(json.dumps([public, parts]).encode()).hexdigest()[:40]


def _is_css(entry: Entry) -> bool:
    return bool(entry["type"] == "css")
