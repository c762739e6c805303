"""What `manage.py check` says of methods; settings have a module of their own."""

from __future__ import annotations

import datetime as dt

import pytest
from django.test import override_settings

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


class TestRateLimits:
    def test_of_what_is_offered(self, registry: Registry) -> None:
        registry.method("tasks.add")(lambda title: None)
        registry.rate_limit(5, 10, name=["tasks.add"])
        registry.rate_limit(5, 10, name=str.isupper)
        assert checks.check_rate_limits() == []

    def test_of_what_is_misspelt(self, registry: Registry) -> None:
        registry.method("tasks.add")(lambda title: None)
        registry.rate_limit(5, 10, name=["tasks.add", "task.add"])
        (found,) = checks.check_rate_limits()
        assert (found.id, "'task.add'" in found.msg) == ("dddp.W003", True)

    def test_in_the_settings(self, registry: Registry) -> None:
        rule = {"name": "login", "requests": 5, "seconds": 10}
        with override_settings(DDP_RATE_LIMITS=[rule]):
            assert [each.id for each in checks.check_rate_limits()] == ["dddp.W003"]
        with override_settings(DDP_RATE_LIMITS=["nonsense"]):
            assert checks.check_rate_limits() == []
