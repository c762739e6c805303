"""Runs a plan's statement and makes documents of its rows. For worker threads."""

from __future__ import annotations

import logging
from typing import Any

import msgspec
from django.db import connections

from dddp.changefeed.snapshot import Snapshot
from dddp.livequery.document import Documents, Id, Values, encode_id
from dddp.livequery.encoders import IMAGE_DECODER
from dddp.livequery.plan import Loaded, QueryPlan

logger = logging.getLogger("dddp.livequery")

SETTINGS = """
    SET bytea_output = 'hex'; SET extra_float_digits = 1;
    SET DateStyle = 'ISO, YMD'; SET IntervalStyle = 'postgres'
"""


def load(plan: QueryPlan) -> Loaded:
    """Run a plan's statement. Call it in a worker thread, outside of any transaction."""
    if not plan.sql:
        return Loaded(None, {})
    connection = connections[plan.using]
    _write_as_triggers_do(connection)
    with connection.cursor() as cursor:
        cursor.execute(plan.sql, plan.params)
        rows = cursor.fetchall()
    documents: Documents = {}
    for _, image, *related in rows:
        if image is not None:
            try:
                identity, values = _document(plan, image, related)
                documents[identity] = values
            except Exception:
                logger.exception("A row of %s cannot be published and is left out", plan.table)
    return Loaded(Snapshot.parse(rows[0][0]), documents)


def _document(plan: QueryPlan, image: str, related: list[str]) -> tuple[Id, Values]:
    values = [*IMAGE_DECODER.decode(image).values(), *map(msgspec.json.decode, related)]
    chosen = [values[place] for place in plan.order]
    return encode_id(values[plan.pk_place]), plan.shape.from_values(chosen)


def _write_as_triggers_do(connection: Any) -> None:
    """Whatever a role's settings are, rows are written as the triggers write them."""
    connection.ensure_connection()
    if getattr(connection, "_dddp_settings_of", None) is not connection.connection:
        with connection.cursor() as cursor:
            cursor.execute(SETTINGS)
        connection._dddp_settings_of = connection.connection
