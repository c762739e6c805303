"""What `manage.py check` says of methods; settings have a module of their own."""

from __future__ import annotations

import datetime as dt

import pytest

from dddp import checks
from dddp.api.registry import Registry


@pytest.fixture
def registry(monkeypatch: pytest.MonkeyPatch) -> Registry:
    registry = Registry()
    monkeypatch.setattr(checks, "API", registry)
    return registry


def test_methods_that_can_be_called(registry: Registry) -> None:
    registry.method("tasks.add")(lambda title, due=None: None)
    assert checks.check_methods() == []


def test_methods_that_cannot(registry: Registry) -> None:
    @registry.method("tasks.add")
    def add(due: str | dt.datetime, *, urgent: bool) -> None:
        pass

    first, second = checks.check_methods()
    assert {first.id, second.id} == {"dddp.E009"}
    assert first.msg.startswith("Method 'tasks.add': Nothing can be checked by the type hint")
    assert second.msg.startswith("Method 'tasks.add': Clients pass no keywords")
