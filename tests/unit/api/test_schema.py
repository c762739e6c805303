"""What clients are told of the fields that are published."""

from __future__ import annotations

from typing import Any

import pytest

from club import ddp as club
from desk import ddp as desk
from zoo import ddp as zoo


def test_a_field_of_each_kind() -> None:
    schema = desk.Task().schema()
    assert schema["text"] == {
        "type": "String",
        "label": "What to do",
        "max": 20,
        "writable": True,
    }
    assert schema["done"] == {"type": "Boolean", "label": "Done", "writable": True}
    options = [{"label": "low", "value": 1}, {"label": "high", "value": 2}]
    assert schema["priority"] == {
        "type": "Number",
        "label": "Priority",
        "allowedValues": [1, 2],
        "autoform": {"options": options},
        "min": 0,
        "max": 32767,
        "writable": True,
    }
    assert schema["parent_id"] == {
        "type": "String",
        "label": "Parent",
        "relation": {"name": "parent", "collection": "desk.task"},
        "optional": True,
        "writable": True,
    }
    assert schema["labels_ids"]["type"] == "[String]"
    assert schema["labels_ids"]["relation"] == {"name": "labels", "collection": "desk.label"}
    assert schema["reviewed"] == {"type": "Boolean", "label": "Reviewed"}


@pytest.mark.parametrize(
    ("name", "type"),
    [
        ("number", "Number"),
        ("real", "Number"),
        ("exact", "String"),
        ("moment", "Date"),
        ("day", "String"),
        ("token_id", "String"),
        ("raw", "Uint8Array"),
        ("tree", "Object"),
        ("names", "[String]"),
        ("numbers", "[String]"),
        ("pages", "Object"),
        ("paper", "String"),
    ],
)
def test_types_are_those_of_what_is_published(name: str, type: str) -> None:
    assert zoo.Specimen().schema()[name]["type"] == type


def test_numbers() -> None:
    schema = zoo.Specimen().schema()
    assert schema["exact"]["decimal"] is True
    assert (schema["number"]["min"], schema["number"]["max"]) == (-(2**31), 2**31 - 1)


@pytest.mark.parametrize("hidden", ["password", "id", "pk"])
def test_only_what_is_published(hidden: str) -> None:
    assert hidden not in zoo.Specimen().schema()
    assert list(zoo.NamesOnly().schema()) == ["name"]
    assert "hidden" not in desk.Task().schema()


@pytest.mark.parametrize(
    ("collection", "user_id", "told"),
    [
        (desk.Task(), None, True),
        (club.Message(), None, False),
        (club.Message(), "1", True),
    ],
)
def test_who_is_told(collection: Any, user_id: str | None, told: bool) -> None:
    assert collection.tells_schema_to(user_id) is told
