"""Publications: what clients subscribe to by name."""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property
from typing import Any, ClassVar

from django.db.models import QuerySet
from django.db.models.query import RawQuerySet

from dddp.api.arguments import Arguments
from dddp.api.endpoints import APIMixin
from dddp.api.imperative import Imperative, Publisher
from dddp.exceptions import ConfigurationError, MeteorError

Published = QuerySet[Any] | tuple[QuerySet[Any], str]


class Publication(Imperative, APIMixin):
    """What `subscribe(name, *params)` gives.

    Set `queries`, or write `get_queries(self, *params)`; `dddp.api.this` tells whom it is for. Or
    write `publish(self, *params)`: then there is one instance for each subscription.

    Attributes:
        name: what clients subscribe to; the class's name unless set.
        queries: querysets, or pairs (queryset, name of the collection to publish it as); one of
            either may stand for itself.
        universal: every client gets it without subscribing, from the start.
    """

    name: ClassVar[str] = ""
    queries: ClassVar[Sequence[Published] | Published | None] = None
    universal: ClassVar[bool] = False

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
        if type(self).get_queries is Publication.get_queries and params:
            raise MeteorError(400, "Match failed")
        return _listed(self.get_queries(*self._arguments.of(params)))

    @property
    def is_imperative(self) -> bool:
        """Has it a `publish` method of its own?"""
        return type(self).publish is not Imperative.publish

    def serving(self, publisher: Publisher) -> tuple[Publication, list[Any]]:
        """An instance for one subscription, and what to call its `publish` with.

        Parameters that it does not take are the client's error (400).
        """
        arguments = self._arguments.of(publisher.params)
        instance = type(self)()
        instance._publisher = publisher
        return instance, arguments

    def problems(self) -> Iterator[str]:
        """A sentence for each thing that keeps clients from subscribing."""
        return self._arguments.problems()

    @cached_property
    def _arguments(self) -> Arguments:
        return Arguments(self.publish if self.is_imperative else self.get_queries)

    @property
    def is_static(self) -> bool:
        """Does it give the same `queries`, whoever subscribes, at any time?"""
        kind, base = type(self), Publication
        if not isinstance(inspect.getattr_static(self, "queries"), QuerySet | list | tuple):
            return False  # a property may give others each time
        return kind.get_queries is base.get_queries and kind.queries_for is base.queries_for

    def static_queries(self) -> list[Published]:
        """What `queries` holds, whoever subscribes."""
        return _listed(self.queries)


def _listed(found: Any) -> list[Published]:
    if found is None:
        return []
    is_pair = isinstance(found, tuple) and len(found) == 2 and isinstance(found[1], str)
    # Never bool() or list() of a queryset: that would run it.
    return [found] if is_pair or isinstance(found, QuerySet | RawQuerySet) else list(found)
