"""`__meteor_runtime_config__`: what a page of Meteor knows of its server before it connects."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote, urlsplit

from django.conf import settings
from django.http import HttpRequest

from dddp.meteor import conf
from dddp.meteor.bundle import MODERN, Bundle
from dddp.meteor.versions import of_page

AS_IN_JAVASCRIPT = "!~*'()"
"""What `encodeURIComponent` leaves as it is, besides what Python does."""


def runtime_config(
    request: HttpRequest, bundle: Bundle, arch: str, prefix: str, public: Mapping[str, Any]
) -> dict[str, Any]:
    """The config of a page that is served below `prefix` ("" or "/app")."""
    root_url = conf.get("root_url")
    site = root_url or f"{origin(request)}{prefix}/"
    parts = urlsplit(site)
    return {
        "meteorRelease": bundle.release,
        "meteorEnv": {"NODE_ENV": "production", "TEST_METADATA": "{}"},
        "PUBLIC_SETTINGS": dict(public),
        "ROOT_URL": site,
        "ROOT_URL_PATH_PREFIX": parts.path.rstrip("/"),
        "DDP_DEFAULT_CONNECTION_URL": conf.get("connection_url")
        or f"{parts.scheme}://{parts.netloc}{_ddp_prefix()}/",
        "autoupdate": {
            "versions": of_page(bundle),
            "autoupdateVersion": None,
            "autoupdateVersionRefreshable": None,
            "autoupdateVersionCordova": None,
            "appId": bundle.app_id,
        },
        "appId": bundle.app_id,
        "accountsConfigCalled": True,
        "isModern": arch == MODERN,
    }


def origin(request: HttpRequest) -> str:
    """`https://example.com` of a request; HTTPS where Django redirects to it, too."""
    scheme = "https" if settings.SECURE_SSL_REDIRECT else request.scheme
    return f"{scheme}://{request.get_host()}"


def as_expression(config: Mapping[str, Any]) -> str:
    """JavaScript that makes the config, with nothing in it that could end a `<script>`."""
    text = quote(json.dumps(config, separators=(",", ":")), safe=AS_IN_JAVASCRIPT)
    return f'JSON.parse(decodeURIComponent("{text}"))'


def _ddp_prefix() -> str:
    prefix = str(getattr(settings, "DDP_URL_PREFIX", "")).strip("/")
    return f"/{prefix}" if prefix else ""
