"""Takes over what the database has said about a group of live queries."""

from __future__ import annotations

from collections import defaultdict

from dddp.livequery.document import Documents, Id, Values
from dddp.livequery.group import Group
from dddp.livequery.query import Effects, LiveQuery
from dddp.livequery.questions import Answer, Question

Targets = dict[LiveQuery, dict[Id, Values | None]]


def take_over(
    group: Group, question: Question, queries: list[LiveQuery] | None, answer: Answer
) -> Effects:
    """Bring the documents of a group's queries up to date.

    What has been loaded by itself in the meantime may be newer than the answer: it is left alone,
    and what it needs has been kept for it.

    Args:
        queries: those that were asked about; None: all of the group.
    """
    asked = (
        None if queries is None else {query: None for query in queries if query in group.queries}
    )
    if answer.concerned is None:
        return _whole(group, question, asked or {}, answer)
    effects: Effects = {}
    for query, moves in _targets(group, question, asked, answer).items():
        if _is_older(group, query):
            effects[query] = query.move(moves)
            group.note(query, effects[query])
    return effects


def _is_older(group: Group, query: LiveQuery) -> bool:
    """Was it loaded before this answer was asked for?"""
    return query.pending is None and query.joined < group.asked


def _targets(
    group: Group, question: Question, asked: dict[LiveQuery, None] | None, answer: Answer
) -> Targets:
    targets: Targets = defaultdict(dict)
    for identity in answer.concerned or ():
        if asked is None:
            had = group.holders(identity)
        else:
            had = [query for query in asked if identity in query.documents]
        for query in had:
            targets[query][identity] = None
    for found in answer.found:
        for query in group.owners.of(question, found):
            if asked is None or query in asked:
                targets[query][found.id] = found.values
    return targets


def _whole(
    group: Group, question: Question, asked: dict[LiveQuery, None], answer: Answer
) -> Effects:
    results: dict[LiveQuery, Documents] = {query: {} for query in asked}
    for found in answer.found:
        for query in group.owners.of(question, found):
            if query in results:
                results[query][found.id] = found.values
    effects: Effects = {}
    for query, documents in results.items():
        if _is_older(group, query):
            effects[query] = query.replace(documents)
            group.note(query, effects[query])
            query.snapshot = answer.snapshot
    return effects
