"""The shapes of ASGI 3 that the transports use."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from django.conf import settings

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Application = Callable[[Scope, Receive, Send], Awaitable[None]]
Headers = list[tuple[bytes, bytes]]


def path_of(scope: Scope) -> str:
    """The path below where the application is mounted: by the server's `root_path` or by Django's
    FORCE_SCRIPT_NAME, which comes first, as in Django.
    """
    path: str = scope["path"]
    root = (settings.FORCE_SCRIPT_NAME or scope.get("root_path") or "").rstrip("/")
    return path[len(root) :] if root and path.startswith(f"{root}/") else path


def header(scope: Scope, name: bytes) -> str | None:
    """The value of one request header (`name` in lower case), None when it was not sent.

    Several of one name are joined with a comma, as Django does.
    """
    values = [value for key, value in scope["headers"] if key == name]
    return b",".join(values).decode("latin-1") if values else None
