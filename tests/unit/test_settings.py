"""Wrong settings are told by `manage.py check`."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import override_settings

from dddp.checks import check_settings


def ids(**settings: Any) -> list[str | None]:
    with override_settings(**settings):
        return [message.id for message in check_settings()]


def test_the_defaults_are_right() -> None:
    assert ids() == []


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("DDP_HIDDEN_COLUMNS", "title"),
        ("DDP_ALLOWED_ORIGINS", "https://example.org"),
        ("DDP_WATCH", "bookstore.Book"),
        ("DDP_WATCH", [1]),
        ("DDP_HEARTBEAT_INTERVAL", "fast"),
        ("DDP_HEARTBEAT_INTERVAL", -1),
        ("DDP_WORKER_THREADS", 0),
        ("DDP_WORKER_THREADS", 1.5),
        ("DDP_MAX_MESSAGE_BYTES", True),
        ("DDP_DATABASE", None),
        ("DDP_SOCKJS_TRANSPORTS", ["websockets"]),
        ("DDP_SOCKJS_TRANSPORTS", "websocket"),
        ("DDP_SOCKJS_COOKIE", "yes"),
        ("DDP_COMPRESS_BYTES", 0),
        ("DDP_COMPRESS_BYTES", True),
        ("DDP_RESUME_GRACE_SECONDS", -1),
    ],
)
def test_a_wrong_kind(name: str, value: Any) -> None:
    assert ids(**{name: value}) == ["dddp.E006"]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("DDP_HIDDEN_COLUMNS", []),
        ("DDP_HEARTBEAT_INTERVAL", 10),
        ("DDP_LISTEN_DSN", "host=127.0.0.1"),
        ("DDP_ALLOWED_ORIGINS", None),
        ("DDP_SOCKJS_TRANSPORTS", []),
        ("DDP_COMPRESS_BYTES", None),
        ("DDP_RESUME_GRACE_SECONDS", 0),
    ],
)
def test_a_right_kind(name: str, value: Any) -> None:
    assert ids(**{name: value}) == []


def test_a_misspelt_name() -> None:
    assert ids(DDP_OUTBOX_BYTE=3) == ["dddp.W002"]
