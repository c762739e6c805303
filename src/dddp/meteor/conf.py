"""The settings of this app: `DDP_METEOR_*`, and two with the names that Meteor gave them."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping
from typing import Any

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

PREFIX = "DDP_METEOR_"

DEFAULTS: dict[str, Any] = {
    "bundle": None,
    "connection_url": None,
    "inline_scripts": True,
    "root_url": None,
}


def get(name: str) -> Any:
    """`get("bundle")` is `settings.DDP_METEOR_BUNDLE` or the default above, read at each use."""
    return getattr(settings, PREFIX + name.upper(), DEFAULTS[name])


def public_settings(
    meteor_settings: Mapping[str, Any] | None = None, public_envs: Iterable[str] | None = None
) -> dict[str, Any]:
    """What clients see as `Meteor.settings.public`; later sources win, key by key.

    The sources are `METEOR_SETTINGS` of the Django settings, the environment variable of that name
    (JSON), and the argument. Then come the environment variables that `METEOR_PUBLIC_ENVS`, of the
    settings and of the environment, and the other argument name.

    Raises:
        ImproperlyConfigured: the environment variable is no JSON object.
    """
    public: dict[str, Any] = {}
    for source in (getattr(settings, "METEOR_SETTINGS", {}), _from_environment(), meteor_settings):
        public = _merged(public, (source or {}).get("public") or {})
    names = {
        *getattr(settings, "METEOR_PUBLIC_ENVS", ()),
        *os.environ.get("METEOR_PUBLIC_ENVS", "").replace(",", " ").split(),
        *(public_envs or ()),
    }
    return public | {name: os.environ[name] for name in sorted(names) if name in os.environ}


def _from_environment() -> dict[str, Any]:
    try:
        found = json.loads(os.environ.get("METEOR_SETTINGS") or "{}")
    except ValueError as error:
        raise ImproperlyConfigured(f"METEOR_SETTINGS in the environment: {error}") from None
    if not isinstance(found, dict):
        raise ImproperlyConfigured("METEOR_SETTINGS in the environment is no JSON object.")
    return found


def _merged(base: Mapping[str, Any], more: Mapping[str, Any]) -> dict[str, Any]:
    merged = dict(base)
    for key, value in more.items():
        known = merged.get(key)
        if isinstance(known, Mapping) and isinstance(value, Mapping):
            value = _merged(known, value)
        merged[key] = value
    return merged
