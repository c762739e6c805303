"""Asks the database about many live queries of one shape at once. For worker threads."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Sequence
from contextlib import suppress
from decimal import Decimal
from itertools import pairwise
from typing import Any

import msgspec
from django.db import connections, transaction

from dddp.changefeed.snapshot import Snapshot
from dddp.livequery.document import Id, Values, encode_id
from dddp.livequery.encoders import IMAGE_DECODER
from dddp.livequery.loading import document_of, pk_of, write_as_triggers_do
from dddp.livequery.objects import one_snapshot
from dddp.livequery.plan import Batch, DocumentMaker, Source, TermColumn
from dddp.livequery.predicates import Unsure
from dddp.livequery.questions import Answer, Found, Key, Question
from dddp.livequery.template import Fill, Template, as_text


def ask(question: Question) -> Answer:
    """Ask, outside of any transaction, with a statement or two."""
    batch = question.batch
    write_as_triggers_do(connections[batch.using])
    if batch.layout.objects is None:
        return _answer(question)
    with one_snapshot(batch.using):
        return _answer(question)


def _answer(question: Question) -> Answer:
    batch = question.batch
    holes: dict[str, Fill] = {}
    concerned: list[str] | None = None
    with connections[batch.using].cursor() as cursor:
        if question.starts is not None:
            concerned = _concerned(cursor, question.starts, batch)
            holes["pks"] = _among(batch.pk, concerned)
        for place, values in enumerate(question.terms or ()):
            holes[f"term{place}"] = _among(batch.terms[place], values)
        cursor.execute(*_statement(question, holes))
        rows = cursor.fetchall()
    read = _shared_documents if batch.docs else _own_documents
    ids = None if concerned is None else [encode_id(text) for text in concerned]
    return Answer(Snapshot.parse(rows[0][0]), ids, read(batch, rows))


def _among(column: TermColumn, values: Iterable[str]) -> Fill:
    return f'{column.sql} = ANY(%s::text[]::"{column.type}"[])', [list(values)]


def _concerned(
    cursor: Any, starts: Sequence[tuple[Source, Sequence[str]]], batch: Batch
) -> list[str]:
    """The primary keys, as text, of the documents that changed rows lead to."""
    found: dict[str, None] = {}
    ways, params = [], []
    for source, values in starts:
        if source.path:
            ways.append(_way(source, batch.using))
            params.append(list(values))
        else:
            found.update(dict.fromkeys(values))
    if ways:
        union = " UNION ".join(ways)
        cursor.execute(f"SELECT json_build_array(x.k)::text FROM ({union}) x(k)", params)
        for (text,) in cursor.fetchall():
            (value,) = IMAGE_DECODER.decode(text)
            if value is not None:
                found[as_text(value)] = None
    return list(found)


def _way(source: Source, using: str) -> str:
    quote = connections[using].ops.quote_name
    path = source.path or ()
    first, last = path[0], path[-1]
    joins = [f"{quote(first.table)} s0"]
    for number, (before, step) in enumerate(pairwise(path)):
        joins.append(
            f"JOIN {quote(step.table)} s{number + 1} "
            f"ON s{number + 1}.{quote(step.column)} = s{number}.{quote(before.next)}"
        )
    return (
        f"SELECT s{len(path) - 1}.{quote(last.next)} FROM {' '.join(joins)} "
        f'WHERE s0.{quote(first.column)} = ANY(%s::text[]::"{first.type}"[])'
    )


def _statement(question: Question, holes: dict[str, Fill]) -> Fill:
    batch = question.batch
    data = [member.data for member in question.members]
    one = len(data) == 1
    inner, params = batch.inner.filled(holes, data[0] if one else None)
    combinations, columns = ("(SELECT 1 AS i) p", []) if one else _table(batch, data)
    source = f"{combinations} CROSS JOIN LATERAL ({inner}) q"
    wrap = _with_documents if batch.docs else _whole_rows
    return wrap(batch, source), [*columns, *params]


def _with_documents(batch: Batch, source: str) -> str:
    names = [f"t{place}" for place in range(len(batch.terms))]
    keys = ", ".join(["x.i", *(f"x.{name}" for name in names)])
    return (
        f"SELECT s.s::text, k.keys::text, row_to_json(q)::text{batch.layout.related} "
        f"FROM (SELECT pg_current_snapshot() AS s) s LEFT JOIN ("
        f"SELECT x.pk, json_agg(json_build_array({keys})) AS keys "
        f"FROM (SELECT DISTINCT p.i, q.* FROM {source}({', '.join([*names, 'pk'])})) x "
        f"GROUP BY x.pk) k ON true "
        f"LEFT JOIN LATERAL ({batch.docs} OFFSET 0) q({batch.layout.places}) ON true"
    )


def _whole_rows(batch: Batch, source: str) -> str:
    return (
        f"SELECT s.s::text, x.* FROM (SELECT pg_current_snapshot() AS s) s LEFT JOIN ("
        f"SELECT p.i, row_to_json(q)::text{batch.layout.related} "
        f"FROM {source}({batch.layout.places})) x ON true"
    )


def _table(batch: Batch, data: Sequence[tuple[Any, ...]]) -> Fill:
    """The combinations of data as a table `p`: columns v0... and the number i."""
    kinds = _data_types(batch.using, batch.inner)
    arrays = ", ".join(f"%s::{kind}[]" for kind in kinds)
    names = ", ".join(f"v{place}" for place in range(len(kinds)))
    params = [[_literal(row[place]) for row in data] for place in range(len(kinds))]
    return f"unnest({arrays}) WITH ORDINALITY p({names}, i)", params


def _literal(value: Any) -> Any:
    """A number with a fraction is a `numeric` where it is written out."""
    return Decimal(repr(value)) if isinstance(value, float) else value


_numbers = itertools.count(1)


def _data_types(using: str, inner: Template) -> tuple[str, ...]:
    """What PostgreSQL makes of each parameter that is data, where the driver does not say."""
    if not inner.types:
        inner.types = _prepared_types(using, inner) if "" in inner.kinds else tuple(inner.kinds)
    return inner.types


def _prepared_types(using: str, inner: Template) -> tuple[str, ...]:
    sql, kinds = inner.numbered()
    name = f"dddp_types_{next(_numbers)}"
    with transaction.atomic(using=using), connections[using].cursor() as cursor:
        cursor.execute(f"PREPARE {name} ({', '.join(kinds)}) AS {sql}")
        cursor.execute(
            "SELECT parameter_types::text[] FROM pg_prepared_statements WHERE name = %s", [name]
        )
        (types,) = cursor.fetchone() or ([],)
        cursor.execute(f"DEALLOCATE {name}")
    return tuple(types[place] for place in inner.data_places())


def _shared_documents(batch: Batch, rows: Iterable[Sequence[Any]]) -> list[Found]:
    found = []
    rows = [row for row in rows if row[2] is not None]
    if batch.layout.objects is not None:
        return _objects(batch, batch.layout.objects, rows)
    for _, keys, image, *related in rows:
        document = document_of(batch.layout, image, related)
        if document is not None:
            found.append(Found(*document, _keys(batch, keys)))
    return found


def _objects(batch: Batch, maker: DocumentMaker, rows: Iterable[Sequence[Any]]) -> list[Found]:
    pks = [(pk_of(batch.layout, image), keys) for _, keys, image, *_ in rows]
    documents = maker.documents([pk for pk, _ in pks])
    ids = [(encode_id(pk), keys) for pk, keys in pks]
    return [Found(i, documents[i], _keys(batch, keys)) for i, keys in ids if i in documents]


_decode_keys = msgspec.json.Decoder(list[list[Any]], float_hook=Decimal).decode


def _keys(batch: Batch, text: str) -> list[Key]:
    converts = [term.convert for term in batch.terms]
    if not converts:
        return [(number - 1,) for (number,) in _decode_keys(text)]
    keys = []
    for number, *values in _decode_keys(text):
        if None not in values:
            with suppress(Unsure):  # Python has no such value, so no query asks for it
                compared = [convert(value) for convert, value in zip(converts, values, strict=True)]
                keys.append((number - 1, *compared))
    return keys


def _own_documents(batch: Batch, rows: Iterable[Sequence[Any]]) -> list[Found]:
    known: dict[Any, tuple[Id, Values] | None] = {}
    found = []
    for _, number, image, *related in rows:
        if image is None:
            continue
        text = (image, *related)
        if text not in known:
            known[text] = document_of(batch.layout, image, related)
        document = known[text]
        if document is not None:
            found.append(Found(*document, [(number - 1,)]))
    return found
