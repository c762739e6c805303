"""`AleaIdField`: what migrations see of it, and where its values come from."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from django.db import models
from django.db.migrations.writer import MigrationWriter

from dddp.alea import UNMISTAKABLE
from dddp.api.this import Invocation, current
from dddp.fields import AleaIdField
from dddp.random_stream import RandomStreams
from desk.models import Invoice, Task

SEED = "seed0123456789abcdef"


@pytest.fixture
def in_a_call() -> Iterator[RandomStreams]:
    """The streams that the client has."""
    token = current.set(Invocation(random_streams=RandomStreams(SEED)))
    yield RandomStreams(SEED)
    current.reset(token)


def drawn(obj: models.Model) -> Any:
    """The value that saving would insert."""
    return obj._meta.pk.get_pk_value_on_save(obj)


class TestMigrations:
    @pytest.mark.parametrize(
        ("options", "written"),
        [
            ({}, ""),
            ({"primary_key": True}, "primary_key=True"),
            ({"unique": True, "max_length": 30}, ""),
            ({"unique": False, "editable": True}, "editable=True, unique=False"),
            ({"null": True, "blank": False}, "blank=False, null=True"),
        ],
    )
    def test_have_what_is_not_usual(self, options: dict[str, Any], written: str) -> None:
        text, imports = MigrationWriter.serialize(AleaIdField(**options))
        assert text == f"dddp.fields.AleaIdField({written})"
        assert imports == {"import dddp.fields"}

    @pytest.mark.parametrize("options", [{}, {"primary_key": True}, {"unique": False}])
    def test_make_the_same_field(self, options: dict[str, Any]) -> None:
        field = AleaIdField(**options)
        assert (field.max_length, field.blank, field.editable) == (17, True, False)
        again = field.clone()
        assert again.deconstruct() == field.deconstruct()
        assert (again.unique, again.primary_key) == (field.unique, field.primary_key)


class TestValues:
    def test_come_with_saving(self) -> None:
        assert Task(text="x").pk is None
        assert Invoice(title="x").slug is None

    def test_are_random(self) -> None:
        one, two = drawn(Task()), drawn(Task())
        assert one != two
        assert len(one) == 17
        assert set(one) <= set(UNMISTAKABLE)

    def test_in_a_call_are_those_the_client_draws(self, in_a_call: RandomStreams) -> None:
        stream = in_a_call.for_collection("desk.task")
        assert [drawn(Task()), drawn(Task())] == [stream.id(), stream.id()]

    def test_beside_the_primary_key(self, in_a_call: RandomStreams) -> None:
        invoice = Invoice(title="x")
        value = Invoice._meta.get_field("slug").pre_save(invoice, True)
        assert value == invoice.slug == in_a_call.for_collection("desk.invoice").id()

    @pytest.mark.parametrize("given", ["", None])
    def test_fill_what_is_empty(self, given: str | None) -> None:
        invoice = Invoice(slug=given)
        assert len(Invoice._meta.get_field("slug").pre_save(invoice, True)) == 17

    def test_that_are_given_stay(self) -> None:
        invoice = Invoice(slug="mine")
        assert Invoice._meta.get_field("slug").pre_save(invoice, True) == "mine"

    def test_of_a_model_without_a_collection(self, in_a_call: RandomStreams) -> None:
        class Loose(models.Model):
            id = AleaIdField(primary_key=True)

            class Meta:
                app_label = "loose"
                managed = False

        assert drawn(Loose()) == in_a_call.for_collection("loose.loose").id()

    def test_a_default_of_ones_own(self) -> None:
        field = AleaIdField(default="x")
        assert field.get_default() == "x"
