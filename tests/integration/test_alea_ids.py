"""`AleaIdField` in the database."""

from __future__ import annotations

import pytest
from django.core import serializers
from django.core.management import call_command
from django.db import IntegrityError

from desk.models import Errand, Invoice, Task

pytestmark = pytest.mark.usefixtures("db_project")


def test_migrations_are_in_step() -> None:
    call_command("makemigrations", "desk", check=True, dry_run=True, verbosity=0)


def test_each_way_of_inserting_draws_an_id() -> None:
    Task.objects.create(text="a")
    Task(text="b").save()
    Task.objects.bulk_create([Task(text="c"), Task(text="d")])
    Task.objects.get_or_create(text="e")
    errand = Errand.objects.create(text="f")
    ids = Task.objects.values_list("pk", flat=True)
    assert {len(id) for id in ids} == {17}
    assert len(set(ids)) == 6
    assert errand.pk == errand.task_ptr.pk


def test_saving_again_keeps_it() -> None:
    task = Task.objects.create(text="a")
    id = task.pk
    task.text = "b"
    task.save()
    assert list(Task.objects.values_list("pk", "text")) == [(id, "b")]


def test_one_that_is_given_stays() -> None:
    assert Task.objects.create(pk="mine", text="a").pk == "mine"
    with pytest.raises(IntegrityError):
        Task.objects.create(pk="mine", text="b")


def test_fixtures() -> None:
    task, invoice = Task.objects.create(text="a"), Invoice.objects.create(title="b")
    text = serializers.serialize("json", [task, invoice])
    Task.objects.all().delete()
    Invoice.objects.all().delete()
    for each in serializers.deserialize("json", text):
        each.save()
    assert Task.objects.get() == task
    assert Invoice.objects.get().slug == invoice.slug


def test_beside_the_primary_key_it_is_unique() -> None:
    Invoice.objects.create(slug="same", title="a")
    with pytest.raises(IntegrityError):
        Invoice.objects.create(slug="same", title="b")
