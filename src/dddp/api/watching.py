"""Which tables have to be watched for the registered collections, and which columns stay hidden."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from django.apps import AppConfig, apps
from django.db import connections, router
from django.db.models import Model

from dddp.api.collection import Collection
from dddp.api.lookups import models_over
from dddp.api.registry import API
from dddp.changefeed import triggers
from dddp.changefeed.hidden import is_hidden
from dddp.changefeed.triggers import WatchedTable
from dddp.conf import conf
from dddp.exceptions import ConfigurationError
from dddp.livequery.keys import document_key


def watched_tables(using: str | None = None) -> list[WatchedTable]:
    """The tables of `watched_models()` that exist in the database and are no views.

    Asks the database (`using`: an alias; `DDP_DATABASE` unless given). Raises ConfigurationError
    for a wrong name in `DDP_WATCH`.
    """
    return triggers.watchable(connections[using or conf.database], _candidates())


def unwatchable_tables(using: str | None = None) -> list[str]:
    """The tables of `watched_models()` that do not exist or are views, of which no change is seen.

    Asks the database.
    """
    seen = {watched.table for watched in watched_tables(using)}
    return [watched.table for watched in _candidates() if watched.table not in seen]


def watched_models() -> list[type[Model]]:
    """The models of collections, of `DDP_WATCH` and `API.watch`, and those they lead to.

    These are the targets of foreign keys, one-to-one and many-to-many fields, with the tables
    between, and parents of multi-table inheritance. Of a proxy, the model it stands for. Also
    what the lookup paths of collections lead over, and where clients may log in, the user's
    model, but nothing that these lead to.
    """
    found: dict[type[Model], None] = {}
    waiting = [collection.model for collection in API.collections()] + _named_models()
    while waiting:
        model = waiting.pop()._meta.concrete_model
        if model is None or model in found or model._meta.swapped:
            continue
        found[model] = None
        waiting.extend(_targets(model))
    for collection in API.collections():
        found.update(dict.fromkeys(_models_of_paths(collection)))
    found.update(dict.fromkeys(_models_of_rights()))
    return [model for model in found if router.allow_migrate_model(conf.database, model)]


def install_after_migrate(using: str, app_config: AppConfig | None = None, **_: Any) -> None:
    """For the signal `post_migrate`: keeps the triggers as they should be."""
    if app_config is not None and app_config.name != "dddp":
        return  # the signal comes once for each app
    if using == conf.database and connections[using].vendor == "postgresql":
        triggers.install(connections[using], watched_tables())


def user_model() -> type[Model]:
    """The model of users, of a proxy the one it stands for."""
    from django.contrib.auth import get_user_model

    model = get_user_model()
    return model._meta.concrete_model or model


def _models_of_paths(collection: Collection) -> Iterator[type[Model]]:
    for model in models_over(collection.model, collection.lookup_paths()):
        if model._meta.concrete_model is not None:
            yield model._meta.concrete_model


def _models_of_rights() -> list[type[Model]]:
    """The tables of a user's row, if a collection has to do with users or a method may log in."""
    concerned = API.methods() or any(each.user_rel for each in API.collections())
    if not (concerned and apps.is_installed("django.contrib.auth")):
        return []
    model = user_model()
    return [model, *model._meta.all_parents]


def _named_models() -> list[type[Model]]:
    try:
        return [*API.watched(), *(apps.get_model(name) for name in conf.watch)]
    except (LookupError, ValueError) as error:
        raise ConfigurationError(
            f"DDP_WATCH has to list models as 'app_label.ModelName': {error}"
        ) from error


def _targets(model: type[Model]) -> Iterator[type[Model]]:
    for field in model._meta.concrete_fields:
        target = field.related_model
        if isinstance(target, type):
            yield target
    for relation in model._meta.many_to_many:
        yield relation.remote_field.model
        if relation.remote_field.through is not None:
            yield relation.remote_field.through


def _candidates() -> list[WatchedTable]:
    models = watched_models()
    hidden = _hidden_columns(models)
    return [
        WatchedTable(table, tuple(sorted(columns)), conf.bulk_rows)
        for table, columns in sorted(hidden.items())
    ]


def _hidden_columns(models: Iterable[type[Model]]) -> dict[str, set[str]]:
    """For each table the columns with names of secrets that no collection publishes by name."""
    published = {
        (field.model._meta.db_table, field.column)
        for collection in API.collections()
        for field in collection.published_fields()
        if not field.many_to_many
    }
    hidden: dict[str, set[str]] = {}
    for model in models:
        table = model._meta.db_table
        columns = hidden.setdefault(table, set())
        for field in model._meta.local_concrete_fields:
            column = field.column or ""
            secret = is_hidden(field) and not (field.primary_key or field == document_key(model))
            if secret and (table, column) not in published:
                columns.add(column)
    return hidden
