"""Collections: how a model's rows look to clients, and which of them a user may see at all."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, ClassVar

from django.db.models import Field, Model, Q, QuerySet

from dddp.api import restricting
from dddp.api.endpoints import APIMixin
from dddp.api.lookups import is_constant, paths_in
from dddp.api.rules import WriteRules
from dddp.api.schema import schema_of
from dddp.api.serializing import Serializer, field_value, plain
from dddp.api.writes import write_methods
from dddp.changefeed.hidden import is_hidden
from dddp.exceptions import ConfigurationError
from dddp.livequery.keys import document_key
from dddp.livequery.references import paths_to_ids

DECIDING = ("restrict", "get_queryset", "published_fields", "serializer", "reads", "user_paths")
OPTIONS = ("fields", "exclude", "qs_filter", "user_rel", "order_by", "properties")


class Collection(WriteRules, APIMixin):
    """A model as clients see it, and write it where `WriteRules` let them.

    Attributes:
        model: the Django model.
        name: on the wire; `app_label.modelname` unless set.
        fields: names of model fields to publish; None: all but password-like ones.
        exclude: names of model fields not to publish.
        qs_filter: a Q object or a dict of lookups that every published queryset is filtered by.
        user_rel: lookup path (or several) from the model to the user: each user sees the rows
            where one of them leads to this user, anonymous clients see none.
        always_allow_superusers: superusers see rows of other users too.
        order_by: the order of published querysets that are sliced and have none of their own; the
            model's `Meta.ordering` unless set.
        properties: name of an attribute of the model that is published too, such as a `property`
            -> lookup paths of the fields that it is made of.
        by_name_only: querysets are published as this collection only where a publication names
            it, as in `(queryset, "name")`, whichever is registered first.
        serialize_reads: for an overridden `serialize`: lookup paths of what it reads beyond the
            object's own columns and `properties`.
    """

    model: ClassVar[type[Model]]
    name: ClassVar[str] = ""
    fields: ClassVar[Sequence[str] | None] = None
    exclude: ClassVar[Sequence[str]] = ()
    qs_filter: ClassVar[Q | Mapping[str, Any] | None] = None
    user_rel: ClassVar[str | Sequence[str] | None] = None
    always_allow_superusers: ClassVar[bool] = True
    order_by: ClassVar[Sequence[Any]] = ()
    properties: ClassVar[Mapping[str, Sequence[str]]] = {}
    serialize_reads: ClassVar[Sequence[str]] = ()
    by_name_only: ClassVar[bool] = False

    api_path_prefix: ClassVar[str] = "/{collection}/"

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        model = getattr(cls, "model", None)
        if model is not None and "name" not in cls.__dict__:
            cls.name = model._meta.label_lower

    def __init__(self) -> None:
        if getattr(type(self), "model", None) is None:
            raise ConfigurationError(f"Collection {type(self).__name__} needs a `model`.")

    def get_api_path_prefix(self) -> str:
        """`/{collection}/` with the collection's name put in."""
        return self.api_path_prefix.format(collection=self.name)

    def api_endpoints(self) -> Iterator[tuple[str, Callable[..., Any]]]:
        """Its methods, and those with which clients write."""
        yield from super().api_endpoints()
        yield from write_methods(self)

    def published_fields(self) -> list[Field[Any, Any]]:
        """The model's fields that clients get, many-to-many last.

        Neither the primary key nor what else is the document's id is among them.
        Raises ConfigurationError for names in `fields` or `exclude` that the model has not.
        """
        meta = self.model._meta
        candidates = [*meta.concrete_fields, *meta.many_to_many]
        known = {field.name for field in candidates} | {field.attname for field in candidates}
        for name in [*(self.fields or ()), *self.exclude]:
            if name not in known:
                raise ConfigurationError(
                    f"Collection {self.name!r} names the field {name!r}, which "
                    f"{meta.label} does not have."
                )
        return [field for field in candidates if self._publishes(field)]

    def _publishes(self, field: Field[Any, Any]) -> bool:
        names = {field.name, field.attname}
        if field.primary_key or field is document_key(self.model) or names & set(self.exclude):
            return False
        if self.fields is not None:
            return bool(names & set(self.fields))
        return not is_hidden(field)

    def schema(self) -> dict[str, dict[str, Any]]:
        """What clients are told of the published fields with the method `schema`."""
        return schema_of(self)

    def tells_schema_to(self, user_id: str | None) -> bool:
        """May this user, or somebody who is not logged in (None), know it?"""
        return user_id is not None or self.user_rel is None

    def get_queryset(self) -> QuerySet[Any]:
        """Override it to publish no other rows than these, whatever publications give.

        It is called for each subscription, so `dddp.api.this` is known. `qs_filter` and
        `user_rel` limit these rows further.
        """
        return self.model._base_manager.all()

    def serialize(self, obj: Any) -> dict[str, Any]:
        """The published values of an object, by name, without the id; each must have an EJSON form.

        Override it to publish other ones. Objects are loaded through the ORM then, and reloaded
        when their rows or what `serialize_reads` names change.
        """
        deferred = obj.get_deferred_fields()
        document = {
            f"{field.name}_ids" if field.many_to_many else field.attname: field_value(field, obj)
            for field in self.published_fields()
            if field.attname not in deferred
        }
        return {**document, **{name: plain(getattr(obj, name)) for name in self.properties}}

    def serializer(
        self, annotations: Sequence[str] = (), left_out: Sequence[str] = ()
    ) -> Serializer | None:
        """What makes documents of objects, if rows alone do not do.

        Args:
            annotations: names of what a queryset adds to its objects.
            left_out: names of values that its `only()` or `defer()` leaves out, which objects
                do not tell of: many-to-many ids.
        """
        overridden = type(self).serialize is not Collection.serialize
        if not (overridden or self.properties):
            return None
        return Serializer(self, tuple(annotations), tuple(left_out))

    def reads(self) -> tuple[str, ...]:
        """Lookup paths of what documents are made of beyond the object's own columns."""
        related = [path for each in self.published_fields() for path in paths_to_ids(each)]
        declared = [path for paths in self.properties.values() for path in paths]
        return tuple(dict.fromkeys([*related, *declared, *self.serialize_reads]))

    def user_paths(self) -> list[str]:
        """The lookup paths in `user_rel`."""
        if self.user_rel is None:
            return []
        return [self.user_rel] if isinstance(self.user_rel, str) else list(self.user_rel)

    def lookup_paths(self) -> list[str]:
        """All lookup paths that the attributes name."""
        order = [each for each in self.order_by if isinstance(each, str)]
        declared = [path for paths in self.properties.values() for path in paths]
        filters = paths_in(self.qs_filter)
        return [*self.user_paths(), *filters, *order, *declared, *self.serialize_reads]

    @property
    def restricts_alike(self) -> bool:
        """Does everybody see the same of a queryset, at any time?"""
        # What is overridden, or a property, may ask who it is for.
        is_own = all(getattr(type(self), name) is getattr(Collection, name) for name in DECIDING)
        given = [inspect.getattr_static(self, name) for name in OPTIONS]
        is_made_each_time = any(hasattr(each, "__get__") for each in given)
        if is_made_each_time or not is_own or self.user_rel is not None:
            return False
        return is_constant([self.qs_filter, *self.order_by])

    def restrict(self, queryset: QuerySet[Any], user: Any) -> QuerySet[Any]:
        """What of a queryset this user may see; `user` matters only where there is a `user_rel`."""
        found = restricting.restricted(self, queryset, user)
        return restricting.ordered(found, self.order_by)
