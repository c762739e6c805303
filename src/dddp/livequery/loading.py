"""Runs a plan's statement and makes documents of its rows. For worker threads."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from contextlib import nullcontext
from typing import Any

from django.db import connections

from dddp.changefeed.snapshot import Snapshot
from dddp.livequery.document import Id, Shape, Values, encode_id
from dddp.livequery.encoders import IMAGE_DECODER
from dddp.livequery.objects import one_snapshot
from dddp.livequery.plan import Layout, Loaded, QueryPlan

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
    layout = plan.layout
    with one_snapshot(plan.using) if layout.objects else nullcontext():
        with connection.cursor() as cursor:
            cursor.execute(plan.sql, plan.params)
            rows = cursor.fetchall()
        place = next(place for place, row in enumerate(rows) if row[1] is None)
        snapshot = Snapshot.parse(rows.pop(place)[0])
        if layout.objects is not None:
            pks = [pk_of(layout, image) for _, image in rows]
            return Loaded(snapshot, layout.objects.documents(pks))
    assert layout.direct is not None, "rows make documents of known fields"
    return Loaded(snapshot, layout.direct.read(rows))


def document_of(layout: Layout, image: str, related: Sequence[str]) -> tuple[Id, Values] | None:
    """The document of a row, given as JSON; None, and a line in the log, if it has no form."""
    shape = layout.shape
    assert isinstance(shape, Shape), "rows make documents of known fields"
    try:
        values = [*IMAGE_DECODER.decode(image).values(), *map(IMAGE_DECODER.decode, related)]
        chosen = [values[place] for place in layout.order]
        return encode_id(values[layout.pk_place]), shape.from_values(chosen)
    except Exception:
        logger.exception("A row of %s cannot be published and is left out", shape.collection)
        return None


def pk_of(layout: Layout, image: str) -> Any:
    """The primary key, as in images, of a row, given as JSON."""
    return [*IMAGE_DECODER.decode(image).values()][layout.pk_place]


def write_as_triggers_do(connection: Any) -> None:
    """Whatever a role's settings are, rows are written as the triggers write them."""
    connection.ensure_connection()
    if getattr(connection, "_dddp_settings_of", None) is not connection.connection:
        with connection.cursor() as cursor:
            cursor.execute(SETTINGS)
        connection._dddp_settings_of = connection.connection
