"""The settings of this package, each a `DDP_*` name in the Django settings with a safe default."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.signals import setting_changed

DEFAULTS: dict[str, Any] = {
    "database": "default",
    "listen_dsn": None,
    "watch": (),
    "hidden_columns": (
        "*password*",
        "*passwd*",
        "*secret*",
        "token",
        "*_token",
        "*api_key*",
        "*private_key*",
    ),
    "url_prefix": "",
    "heartbeat_interval": 15.0,
    "heartbeat_timeout": 15.0,
    "max_message_bytes": 1024 * 1024,
    "max_inbound_messages": 1000,
    "max_subscriptions": 1000,
    "max_connections_per_address": None,
    "message_rate": None,
    "outbox_bytes": 16 * 1024 * 1024,
    "outbox_seconds": 30.0,
    "compress_bytes": 1024,
    "resume_grace_seconds": 15.0,
    "resume_max_messages": 100,
    "resume_max_sessions": 5000,
    "worker_threads": 8,
    "bulk_rows": 1000,
    "transaction_rows": 10_000,
    "pending_rows": 10_000,
    "allowed_origins": (),
    "shutdown_delay_seconds": 0.0,
    "shutdown_spread_seconds": 5.0,
    "shutdown_method_seconds": 10.0,
    "health_prefix": None,
    "sockjs_transports": (
        "websocket",
        "xhr-streaming",
        "xhr-polling",
        "eventsource",
        "htmlfile",
        "jsonp-polling",
    ),
    "sockjs_url": "",
    "sockjs_cookie": False,
    "sockjs_heartbeat_delay": 25.0,
    "sockjs_disconnect_delay": 60.0,
    "sockjs_response_bytes": 128 * 1024,
    "sockjs_sessions": 10_000,
    "api_endpoint_decorators": (),
    "rate_limits": (
        {
            "type": "method",
            "name": ("login", "createUser", "resetPassword", "forgotPassword"),
            "per": ("connection", "name"),
            "requests": 5,
            "seconds": 10,
        },
    ),
}


class Conf:
    """`conf.outbox_bytes` is `settings.DDP_OUTBOX_BYTES` or the default above.

    Each is remembered until Django's `setting_changed` is sent, as tests do: a connection reads
    two dozen of them, and to find that one is not there takes Django some microseconds.
    """

    def __getattr__(self, name: str) -> Any:
        try:
            default = DEFAULTS[name]
        except KeyError:
            raise AttributeError(name) from None
        value = self.__dict__[name] = getattr(settings, f"DDP_{name.upper()}", default)
        return value


conf = Conf()


def _forget(*, setting: str, **_: Any) -> None:
    conf.__dict__.pop(setting.removeprefix("DDP_").lower(), None)


setting_changed.connect(_forget)
