"""How the listener reaches PostgreSQL."""

from __future__ import annotations

from typing import Any

from django.db import connections
from psycopg import pq
from psycopg.conninfo import conninfo_to_dict

from dddp.conf import conf

# A link that is dead without a word is found within half a minute.
_DEFAULTS = {
    "application_name": "dddp listener",
    "connect_timeout": "10",
    "keepalives": "1",
    "keepalives_idle": "10",
    "keepalives_interval": "5",
    "keepalives_count": "3",
    "tcp_user_timeout": "20000",
    # With several hosts: the one that is not a standby, which cannot LISTEN.
    "target_session_attrs": "primary",
}


def listen_params() -> dict[str, Any]:
    """Parameters for psycopg.AsyncConnection.connect(), whichever driver Django itself uses.

    They come from `DDP_LISTEN_DSN` if it is set (where Django's own connections go through a
    transaction pooler, which loses LISTEN), else from `DATABASES[DDP_DATABASE]`.
    """
    if conf.listen_dsn:
        given: dict[str, Any] = dict(conninfo_to_dict(conf.listen_dsn))
    else:
        known = {option.keyword.decode() for option in pq.Conninfo.get_defaults()}
        params = connections[conf.database].get_connection_params()
        given = {name: params[name] for name in known & params.keys() if params[name] is not None}
        given.pop("application_name", None)
    return {**_DEFAULTS, **given, "client_encoding": "utf8"}
