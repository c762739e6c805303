"""Runs a plan's statement and makes documents of its rows. For worker threads."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Any, Protocol

import msgspec
from django.db import connections

from dddp.changefeed.snapshot import Snapshot
from dddp.livequery.document import Id, Shape, Values, encode_id
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
    write_as_triggers_do(connection)
    with connection.cursor() as cursor:
        cursor.execute(plan.sql, plan.params)
        rows = cursor.fetchall()
    found = (document_of(plan, image, related) for _, image, *related in rows if image is not None)
    documents = dict(document for document in found if document is not None)
    return Loaded(Snapshot.parse(rows[0][0]), documents)


class Layout(Protocol):
    """Where in a row is what."""

    @property
    def shape(self) -> Shape: ...
    @property
    def pk_place(self) -> int: ...
    @property
    def order(self) -> tuple[int, ...]: ...


def document_of(layout: Layout, image: str, related: Sequence[str]) -> tuple[Id, Values] | None:
    """The document of a row, given as JSON; None, and a line in the log, if it has no form."""
    try:
        values = [*IMAGE_DECODER.decode(image).values(), *map(msgspec.json.decode, related)]
        chosen = [values[place] for place in layout.order]
        return encode_id(values[layout.pk_place]), layout.shape.from_values(chosen)
    except Exception:
        collection = layout.shape.collection
        logger.exception("A row of %s cannot be published and is left out", collection)
        return None


def write_as_triggers_do(connection: Any) -> None:
    """Whatever a role's settings are, rows are written as the triggers write them."""
    connection.ensure_connection()
    if getattr(connection, "_dddp_settings_of", None) is not connection.connection:
        with connection.cursor() as cursor:
            cursor.execute(SETTINGS)
        connection._dddp_settings_of = connection.connection
