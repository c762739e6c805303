"""Collections: how a model's rows look to clients, and which of them a user may see at all."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from django.db.models import Field, Model, Q, QuerySet

from dddp.api.endpoints import APIMixin
from dddp.changefeed.hidden import is_hidden
from dddp.exceptions import ConfigurationError


class Collection(APIMixin):
    """A model as clients see it.

    Attributes:
        model: the Django model.
        name: on the wire; `app_label.modelname` unless set.
        fields: names of model fields to publish; None: all but password-like ones.
        exclude: names of model fields not to publish.
        qs_filter: a Q object or a dict of lookups that every published queryset is filtered by.
        user_rel: lookup path (or several) from the model to the user: each user sees the rows
            where one of them leads to this user, anonymous clients see none.
        always_allow_superusers: superusers see rows of other users too.
    """

    model: ClassVar[type[Model]]
    name: ClassVar[str] = ""
    fields: ClassVar[Sequence[str] | None] = None
    exclude: ClassVar[Sequence[str]] = ()
    qs_filter: ClassVar[Q | Mapping[str, Any] | None] = None
    user_rel: ClassVar[str | Sequence[str] | None] = None
    always_allow_superusers: ClassVar[bool] = True

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

    def published_fields(self) -> list[Field[Any, Any]]:
        """The model's fields that clients get, many-to-many last.

        The primary key is the document's id and not a field.
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
        if field.primary_key or names & set(self.exclude):
            return False
        if self.fields is not None:
            return bool(names & set(self.fields))
        return not is_hidden(field)

    def restrict(self, queryset: QuerySet[Any], user: Any) -> QuerySet[Any]:
        """What of a queryset this user may see: `qs_filter` and `user_rel` applied."""
        if self.qs_filter is not None:
            given = self.qs_filter
            queryset = queryset.filter(given if isinstance(given, Q) else Q(**given))
        if self.user_rel is None or (
            self.always_allow_superusers and getattr(user, "is_superuser", False)
        ):
            return queryset
        if not user.is_authenticated:
            return queryset.none()
        paths = [self.user_rel] if isinstance(self.user_rel, str) else self.user_rel
        mine = Q()
        for path in paths:
            mine |= Q(**{path: user})
        if all(self._is_own_column(path) for path in paths):
            return queryset.filter(mine)
        # A join could repeat rows, which would change the queryset's aggregates.
        return queryset.filter(pk__in=self.model._base_manager.filter(mine).values("pk"))

    def _is_own_column(self, path: str) -> bool:
        names = {field.name for field in self.model._meta.local_concrete_fields}
        return path in names
