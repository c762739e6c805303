"""`AddAleaIdField`: a table with rows gets ids for documents."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from django.db import IntegrityError, connection, models
from django.db.migrations import AddField, CreateModel
from django.db.migrations.operations.base import Operation
from django.db.migrations.state import ProjectState

from dddp.fields import AleaIdField
from dddp.operations import AddAleaIdField

ROWS = 2500


class Migrated:
    """A database of its own app, moved on operation by operation."""

    def __init__(self) -> None:
        self.states = [ProjectState()]

    def apply(self, operation: Operation, **options: Any) -> Any:
        before, after = self.states[-1], self.states[-1].clone()
        operation.state_forwards("attic", after)
        with connection.schema_editor(**options) as editor:
            operation.database_forwards("attic", editor, before, after)
        if not options:
            self.states.append(after)
        return editor

    def undo(self, operation: Operation) -> None:
        after = self.states.pop()
        with connection.schema_editor() as editor:
            operation.database_backwards("attic", editor, after, self.states[-1])

    @property
    def model(self) -> Any:
        return self.states[-1].apps.get_model("attic", "box")


@pytest.fixture
def attic(db_project: str) -> Iterator[Migrated]:
    migrated = Migrated()
    fields = [("id", models.BigAutoField(primary_key=True)), ("label", models.TextField())]
    migrated.apply(CreateModel("Box", fields))
    model = migrated.model
    model.objects.bulk_create(model(label=str(number)) for number in range(ROWS))
    yield migrated
    with connection.schema_editor() as editor:
        editor.delete_model(migrated.model)


def test_rows_get_ids_of_their_own(attic: Migrated) -> None:
    operation = AddAleaIdField("box", "aid", AleaIdField())
    attic.apply(operation)
    ids = list(attic.model.objects.values_list("aid", flat=True))
    assert {len(id) for id in ids} == {17}
    assert len(set(ids)) == ROWS
    with pytest.raises(IntegrityError):
        attic.model.objects.update(aid=None)
    with pytest.raises(IntegrityError):
        attic.model.objects.update(aid="same")
    attic.undo(operation)
    assert "aid" not in {field.name for field in attic.model._meta.fields}
    assert attic.model.objects.count() == ROWS


def test_together_with_other_changes_of_the_rows(attic: Migrated) -> None:
    operation = AddAleaIdField("box", "aid", AleaIdField())
    before, after = attic.states[-1], attic.states[-1].clone()
    operation.state_forwards("attic", after)
    with connection.schema_editor() as editor:
        attic.model.objects.update(label="x")
        operation.database_forwards("attic", editor, before, after)
    attic.states.append(after)
    assert not attic.model.objects.filter(aid=None).exists()


def test_the_usual_operation_refuses(attic: Migrated) -> None:
    with pytest.raises(IntegrityError):
        attic.apply(AddField("box", "aid", AleaIdField()))


def test_shown_as_sql(attic: Migrated) -> None:
    editor = attic.apply(AddAleaIdField("box", "aid", AleaIdField()), collect_sql=True)
    assert [text for text in editor.collected_sql if "ADD COLUMN" in text]


def test_stands_in_migrations_as_the_usual_one() -> None:
    name, args, kwargs = AddAleaIdField("box", "aid", AleaIdField()).deconstruct()
    assert (name, args) == ("AddAleaIdField", [])
    assert set(kwargs) == {"model_name", "name", "field"}


@pytest.mark.parametrize("field", [models.CharField(), AleaIdField(primary_key=True)])
def test_for_such_fields_only(field: Any) -> None:
    with pytest.raises(ValueError, match="no primary key"):
        AddAleaIdField("box", "aid", field)
