"""What only the text of a statement tells: functions and tables that expressions write by name.

Custom lookups and `Func(template=...)` may write any SQL, which no walk over expressions sees.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from dddp.exceptions import QueryNotLive
from dddp.livequery import catalog

_STRING = re.compile(r"\bE'(?:[^'\\]|\\.|'')*'|'(?:[^']|'')*'", re.IGNORECASE | re.DOTALL)
_QUOTED = re.compile(r'"(?:[^"]|"")*"')
_CALL = re.compile(r"\b([a-z_]\w*)\s*\(", re.IGNORECASE)
_CLOCK = re.compile(
    r"\b(current_date|current_time|current_timestamp|localtime|localtimestamp"
    r"|(?:now|statement_timestamp|transaction_timestamp)\s*\()(?!\w)",
    re.IGNORECASE,
)
_AGE = re.compile(r"\bage\s*\(", re.IGNORECASE)
_NAME = r'(?:[a-z_]\w*|"(?:[^"]|"")*")'
_READ = re.compile(rf"\b(?:FROM|JOIN)\s+({_NAME}(?:\.{_NAME})?)(?!\s*\()(?![\w.])", re.IGNORECASE)


def refuse_text(sql: str, tables: Iterable[str], using: str) -> None:
    """Refuse a statement that names what cannot be followed.

    Args:
        tables: those that are followed, as `Model._meta.db_table`.

    Raises:
        QueryNotLive: it asks the clock, a volatile function, or a table beyond these.
    """
    plain = _STRING.sub("''", sql)
    bare = _QUOTED.sub('""', plain)
    clock = _clock(bare)
    if clock:
        raise QueryNotLive(
            f"It uses {clock}: the database's clock moves on without any change; "
            f"pass django.utils.timezone.now()."
        )
    volatile = catalog.volatile(using, frozenset(name.lower() for name in _CALL.findall(bare)))
    if volatile:
        raise QueryNotLive(
            f"It uses {volatile[0]}(), which PostgreSQL calls volatile: it may give another value "
            f"each time. If it does not, declare it with ALTER FUNCTION ... STABLE."
        )
    unknown = catalog.others(using, frozenset(_READ.findall(plain)), frozenset(tables))
    if unknown:
        raise QueryNotLive(
            f"It reads {unknown[0]} in SQL of its own, whose changes would not be seen: write it "
            f"with Exists() or Subquery()."
        )


def _clock(bare: str) -> str:
    """What asks the clock; "" for nothing."""
    found = _CLOCK.search(bare)
    if found is not None:
        return found[1].rstrip("( ")
    ages = (match.end() for match in _AGE.finditer(bare))
    return "age() up to today" if any(_is_single(bare[start:]) for start in ages) else ""


def _is_single(text: str) -> bool:
    """Is there one argument up to the parenthesis that closes?"""
    depth = 0
    for character in text:
        if depth == 0 and character in ",)":
            return character == ")"
        depth += {"(": 1, ")": -1}.get(character, 0)
    return False
