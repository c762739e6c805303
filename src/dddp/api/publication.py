"""Publications: named sets of querysets that clients subscribe to."""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Sequence
from typing import Any, ClassVar

from django.db.models import QuerySet

from dddp.api.endpoints import APIMixin
from dddp.exceptions import ConfigurationError, MeteorError

Published = QuerySet[Any] | tuple[QuerySet[Any], str]


class Publication(APIMixin):
    """What `subscribe(name, *params)` gives.

    Set `queries`, or write `get_queries(self, *params)`; `dddp.api.this` tells whom it is for.

    Attributes:
        name: what clients subscribe to; the class's name unless set.
        queries: querysets, or pairs (queryset, name of the collection to publish it as).
    """

    name: ClassVar[str] = ""
    queries: ClassVar[Sequence[Published] | None] = None

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if "name" not in cls.__dict__:
            cls.name = cls.__name__

    def get_queries(self, *params: Any) -> Iterable[Published]:
        """The querysets for one subscription; `params` are what the client passed."""
        if params:
            raise TypeError(f"{self.name} takes no parameters")
        if self.queries is None:
            raise ConfigurationError(
                f"Publication {self.name!r} needs `queries` or a `get_queries` method."
            )
        return list(self.queries)

    def queries_for(self, params: Sequence[Any]) -> list[Published]:
        """Call `get_queries`; parameters it does not take are the client's error (400)."""
        if type(self).get_queries is Publication.get_queries:
            if params:
                raise MeteorError(400, "Match failed")
        else:
            try:
                inspect.signature(self.get_queries).bind(*params)
            except TypeError as error:
                raise MeteorError(400, "Match failed") from error
        found = self.get_queries(*params)
        if isinstance(found, QuerySet) or (isinstance(found, tuple) and _is_pair(found)):
            return [found]
        return list(found or ())


def _is_pair(value: tuple[Any, ...]) -> bool:
    return len(value) == 2 and isinstance(value[1], str)
