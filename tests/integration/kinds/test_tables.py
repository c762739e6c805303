"""Kinds of models: where their rows are kept, and under which keys."""

import itertools

import pytest
from rows import Rows

from zoo import models


def by_label(model, name="label", other=None, **options):
    values = tuple({name: value} for value in ("first", "second", "neither"))
    return {
        f"{model.__name__}, {how}": Rows(
            lambda value, lookup=lookup: model.objects.filter(**{lookup: value}),
            ("first", "second"),
            values,
            other or {},
            **options,
        )
        for how, lookup in {"decided": name, "asked": f"{name}__iexact"}.items()
    }


def keys(prefix):
    numbers = itertools.count()
    return lambda: f"{prefix}-{next(numbers)}"


KINDS = {
    **by_label(models.Arrival, other={"gate": 7}),  # of an abstract base
    **by_label(models.Named, "name"),  # a proxy
    **by_label(models.Keyed, "value", key=keys("text ~ key")),
    **by_label(models.Ticket, "title"),  # UUIDs
    **by_label(models.Sealed),  # an AleaIdField
    **by_label(models.Stamped),  # an AleaIdField beside the primary key
    **by_label(models.Annexed),  # another schema
    **by_label(models.Legacy, key=keys("code")),  # unmanaged, names that need quotes
    **by_label(models.Measured, other={"height": 7}),
    **by_label(models.Virtual, other={"width": 7}),
    **by_label(models.Parcel, upsert=False),
    "Parcel, between partitions": Rows(
        lambda region: models.Parcel.objects.filter(region=region),
        ("north", "south"),
        ({"region": "north"}, {"region": "south"}, {"region": "east"}),
        {"label": "other"},
        upsert=False,
    ),
    "Measured, by what is stored": Rows(
        lambda area: models.Measured.objects.filter(area=area),
        (6, 10),
        ({"width": 2, "height": 3}, {"width": 2, "height": 5}, {"width": 2, "height": 7}),
        {"label": "other"},
    ),
    "Virtual, by what is computed": Rows(
        lambda double: models.Virtual.objects.filter(double=double),
        (6, 10),
        ({"width": 3}, {"width": 5}, {"width": 7}),
        {"label": "other"},
    ),
}


@pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
async def test_a_table_of_this_kind(database, kind):
    await kind.told()
