"""Operations for migrations."""

from __future__ import annotations

from typing import Any

from django.db.migrations.operations import AddField, AlterField
from django.db.models import Field, Model

from dddp.alea import random_id
from dddp.livequery.keys import names_documents

AT_ONCE = 1000
"""Rows that get their id with one statement."""


class AddAleaIdField(AddField):
    """Adds an `AleaIdField` beside the primary key to a table with rows: each gets an id.

    Put it in place of the `migrations.AddField` that `makemigrations` has written, with the same
    arguments. The column is added, filled, and made unique and NOT NULL; going back removes it.
    """

    def __init__(
        self, model_name: str, name: str, field: Field[Any, Any], preserve_default: bool = True
    ) -> None:
        if not names_documents(field) or field.primary_key:
            raise ValueError("AddAleaIdField adds an AleaIdField that is no primary key.")
        super().__init__(model_name, name, field, preserve_default)

    def database_forwards(
        self, app_label: str, schema_editor: Any, from_state: Any, to_state: Any
    ) -> None:
        """Three steps, each on what the one before has left."""
        _, _, args, kwargs = self.field.deconstruct()
        loose = type(self.field)(*args, **{**kwargs, "null": True, "unique": False})
        between = from_state.clone()
        add = AddField(self.model_name, self.name, loose)
        add.state_forwards(app_label, between)
        add.database_forwards(app_label, schema_editor, from_state, between)
        model = between.apps.get_model(app_label, self.model_name)
        if not self.allow_migrate_model(schema_editor.connection.alias, model):
            return
        if not schema_editor.collect_sql:
            _fill(model, self.name, schema_editor.connection.alias)
        alter = AlterField(self.model_name, self.name, self.field)
        alter.database_forwards(app_label, schema_editor, between, to_state)


def _fill(model: type[Model], name: str, using: str) -> None:
    rows = model._base_manager.using(using)
    empty = rows.filter(**{f"{name}__isnull": True}).values_list("pk", flat=True)
    while pks := list(empty[:AT_ONCE]):
        rows.bulk_update([model(pk=pk, **{name: random_id()}) for pk in pks], [name])
