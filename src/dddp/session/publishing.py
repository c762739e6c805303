"""From a subscription's name and parameters to the plans of its queries. Runs in threads."""

from __future__ import annotations

from collections.abc import Collection as Container
from collections.abc import Sequence
from typing import Any

from django.db.models import QuerySet

from dddp.api.collection import Collection
from dddp.api.publication import Publication, Published
from dddp.api.registry import Registry
from dddp.api.this import Invocation, current
from dddp.conf import conf
from dddp.exceptions import ConfigurationError, QueryNotLive
from dddp.livequery.analysis import analyse
from dddp.livequery.layouts import loads
from dddp.livequery.objects import Objects
from dddp.livequery.plan import QueryPlan
from dddp.livequery.references import is_translated
from dddp.livequery.walk import is_plain

OTHERWISE = "What no queryset can tell live is published with a `publish` method."


def plans_for(
    registry: Registry,
    publication: Publication,
    params: Sequence[Any],
    invocation: Invocation,
    watched: Container[str],
) -> list[QueryPlan]:
    """Ask a publication for its querysets and analyse them.

    Args:
        watched: tables with triggers; a queryset that reads others could not be kept live.

    Raises:
        MeteorError: what the publication tells the client.
        QueryNotLive, ConfigurationError: what its author has to mend; anything else it raises.
    """
    token = current.set(invocation)
    try:
        published = publication.queries_for(params)
        return [
            plan_for(registry, publication.name, entry, invocation, watched) for entry in published
        ]
    finally:
        current.reset(token)


class FixedPlans:
    """Of publications whose querysets and rows are the same for everybody: analysed once.

    Forget them when the database may have changed.
    """

    def __init__(self, registry: Registry) -> None:
        self._registry = registry
        self._plans: dict[Publication, list[QueryPlan]] = {}
        self._revision = registry.revision

    def get(self, publication: Publication, params: Sequence[Any]) -> list[QueryPlan] | None:
        """Those of a subscription, if they are known."""
        if self._revision != self._registry.revision:
            self.forget()
        return None if params else self._plans.get(publication)

    def keep(
        self,
        publication: Publication,
        params: Sequence[Any],
        plans: list[QueryPlan],
        revision: object,
    ) -> None:
        """Keep what analysis has made, unless that was before `forget`.

        Args:
            revision: `self.revision` before the analysis.
        """
        if not params and revision is self._plans and self._is_fixed(publication):
            self._plans[publication] = plans

    @property
    def revision(self) -> object:
        """Another one after each `forget`."""
        return self._plans

    def forget(self) -> None:
        """Analyse anew."""
        self._plans = {}
        self._revision = self._registry.revision

    def _is_fixed(self, publication: Publication) -> bool:
        entries = publication.static_queries() if publication.is_static else []
        found = [resolve(self._registry, publication.name, entry) for entry in entries]
        return bool(found) and all(
            collection.restricts_alike and is_plain(queryset.query)
            for queryset, collection in found
        )


def plan_for(
    registry: Registry,
    publication: str,
    entry: Published,
    invocation: Invocation,
    watched: Container[str],
) -> QueryPlan:
    """Analyse one published queryset."""
    queryset, collection = resolve(registry, publication, entry)
    try:
        restricted = _restricted(collection, queryset, invocation)
        query, fields = restricted.query, collection.published_fields()
        many = [field for field in fields if field.many_to_many]
        left_out = [f"{field.name}_ids" for field in many if not loads(query, field)]
        serializer = collection.serializer(tuple(query.annotation_select), left_out)
        objects = _objects(collection, query, serializer) if serializer is not None else None
        plan = analyse(restricted, collection.name, fields, conf.database, objects)
    except QueryNotLive as error:
        raise QueryNotLive(
            f"Publication {publication!r} cannot keep a queryset of "
            f"{collection.model._meta.label} live. {error} {OTHERWISE}"
        ) from error
    missing = sorted(table for table in plan.tables if table not in watched)
    if missing:
        raise QueryNotLive(
            f"Publication {publication!r} reads {', '.join(missing)}, which no trigger watches. "
            f"Add the model to DDP_WATCH and run `manage.py dddp_triggers --install`; restart the "
            f"server if that was done after its start."
        )
    return plan


def _objects(collection: Collection, query: Any, serializer: Any) -> Objects:
    """`serializer` reads ids of what a foreign key leads to; not of one that is not loaded."""
    loaded = [
        str(field.name)
        for field in collection.published_fields()
        if is_translated(field) and loads(query, field)
    ]
    return Objects(serializer, collection.reads(), tuple(loaded))


def resolve(
    registry: Registry, publication: str, entry: Published
) -> tuple[QuerySet[Any], Collection]:
    """The queryset and the collection it is published as."""
    queryset, name = entry if isinstance(entry, tuple) else (entry, None)
    if not isinstance(queryset, QuerySet):
        raise QueryNotLive(
            f"Publication {publication!r} gives a {type(queryset).__name__} and not a queryset: "
            f"give querysets as they are, without raw(), iterator(), list() or aggregate(). "
            f"{OTHERWISE}"
        )
    if name is not None:
        collection = registry.collection(name)
        if collection is None:
            raise ConfigurationError(
                f"Publication {publication!r} publishes as collection {name!r}, which is not "
                f"registered."
            )
        if collection.model._meta.concrete_model is not queryset.model._meta.concrete_model:
            raise ConfigurationError(
                f"Publication {publication!r} publishes {queryset.model._meta.label} as "
                f"{name!r}, a Collection whose model is {collection.model._meta.label}."
            )
    else:
        collection = registry.collection_for(queryset.model)
        if collection is None:
            raise ConfigurationError(
                f"Publication {publication!r} publishes {queryset.model._meta.label}, which has no "
                f"Collection. Write one and pass it to API.register."
            )
    return queryset, collection


def _restricted(
    collection: Collection, queryset: QuerySet[Any], invocation: Invocation
) -> QuerySet[Any]:
    user = invocation.user if collection.user_rel is not None else None
    return collection.restrict(queryset, user)
