"""What of a group of live queries has to be asked again."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, field

from dddp.livequery.query import LiveQuery

Values = Iterable[str]


@dataclass(slots=True)
class Starts:
    """Values that lead to the documents concerned: source -> values as text."""

    values: dict[int, dict[str, None]] = field(default_factory=dict)
    count: int = 0

    def add(self, source: int, values: Values) -> None:
        """Add values of a source."""
        known = self.values.setdefault(source, {})
        before = len(known)
        known.update(dict.fromkeys(values))
        self.count += len(known) - before


@dataclass(slots=True)
class Needs:
    """What has come in for the queries of a group since they were asked last.

    Attributes:
        everyone: concerns all of them.
        some: concerns `queries` only.
        whole: queries to be run as a whole; `all_whole`: all of them.
        since: place in the stream before the oldest that a query has kept while it was run by
            itself: others may have been asked about more since then.
    """

    limit: int
    everyone: Starts = field(default_factory=Starts)
    some: Starts = field(default_factory=Starts)
    queries: dict[LiveQuery, None] = field(default_factory=dict)
    whole: dict[LiveQuery, None] = field(default_factory=dict)
    all_whole: bool = False
    since: float = math.inf

    def __bool__(self) -> bool:
        return bool(self.everyone.count or self.queries or self.whole or self.all_whole)

    def add(self, source: int, values: Values | None, queries: Iterable[LiveQuery] | None) -> None:
        """Have documents asked about.

        Args:
            values: of the source's first column; None: any document may be concerned.
            queries: those concerned; None: all of the group.
        """
        if queries is None:
            self._add_for_all(source, values)
        elif values is None:
            self.whole.update(dict.fromkeys(queries))
        else:
            self.queries.update(dict.fromkeys(queries))
            self.some.add(source, values)
            if self.some.count > self.limit:
                self.whole.update(self.queries)
                self.some, self.queries = Starts(), {}

    def _add_for_all(self, source: int, values: Values | None) -> None:
        if values is not None:
            self.everyone.add(source, values)
        if values is None or self.everyone.count > self.limit:
            self.all_whole = True
            self.everyone = Starts()
