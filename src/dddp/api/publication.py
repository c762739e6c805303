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
        queries: querysets, or pairs (queryset, name of the collection to publish it as); one of
            either may stand for itself.
    """

    name: ClassVar[str] = ""
    queries: ClassVar[Sequence[Published] | Published | None] = None

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if "name" not in cls.__dict__:
            cls.name = cls.__name__

    def get_queries(self, *params: Any) -> Iterable[Published] | Published | None:
        """The querysets for one subscription, as in `queries`; None for none.

        `params` are what the client passed.
        """
        if params:
            raise TypeError(f"{self.name} takes no parameters")
        if self.queries is None:
            raise ConfigurationError(
                f"Publication {self.name!r} needs `queries` or a `get_queries` method."
            )
        return self.queries

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
        return _listed(self.get_queries(*params))

    def static_queries(self) -> list[Published]:
        """What `queries` holds, whoever subscribes."""
        return _listed(self.queries)


def _listed(found: Any) -> list[Published]:
    if found is None:
        return []
    is_pair = isinstance(found, tuple) and len(found) == 2 and isinstance(found[1], str)
    # Never bool() or list() of a queryset: that would run it.
    return [found] if is_pair or isinstance(found, QuerySet) else list(found)
