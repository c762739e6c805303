"""Methods as they are called: decorators of the settings."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.test import override_settings

from dddp.api import APIMixin, api_endpoint
from dddp.api.methods import Method
from dddp.api.registry import Registry
from dddp.exceptions import ConfigurationError, MeteorError

HERE = __name__
seen: list[str] = []


def plain(function: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(function)
    def called(*args: Any) -> Any:
        seen.append("plain")
        return function(*args)

    return called


def factory(name: str = "factory") -> Callable[..., Any]:
    def decorator(function: Callable[..., Any]) -> Callable[..., Any]:
        def called(*args: Any) -> Any:
            seen.append(name)
            return function(*args)

        return called

    return decorator


@pytest.fixture(autouse=True)
def none_seen() -> None:
    seen.clear()


class TestDecorators:
    @pytest.fixture(autouse=True)
    def listed(self) -> Iterator[None]:
        with override_settings(DDP_API_ENDPOINT_DECORATORS=[f"{HERE}.plain", f"{HERE}.factory"]):
            yield

    def test_of_functions(self) -> None:
        assert Method("x", lambda number: number + 1).bound([1])() == 2
        assert seen == ["factory", "plain"]

    def test_hints_are_the_functions_own(self) -> None:
        def function(number: int) -> None:
            pass

        with pytest.raises(MeteorError):
            Method("x", function).bound(["a"])

    def test_unless_they_are_not_wanted(self) -> None:
        assert Method("x", lambda: 1, decorate=False).bound([])() == 1
        assert seen == []

    def test_of_providers(self) -> None:
        class Provider(APIMixin):
            @api_endpoint
            def decorated(self) -> int:
                return 1

            @api_endpoint(decorate=False)
            def bare(self) -> int:
                return 2

            @api_endpoint("other", transaction=False)
            def by_name(self) -> int:
                return 3

        registry = Registry()
        registry.register(Provider)
        calls = {name: registry.find_method(name) for name in registry.methods()}
        assert [each and each.bound([])() for each in calls.values()] == [2, 3, 1]
        assert seen == ["factory", "plain"] * 2


@pytest.mark.parametrize("path", ["nowhere.at_all", f"{HERE}.missing", "x"])
def test_decorators_that_are_not_there(path: str) -> None:
    with (
        override_settings(DDP_API_ENDPOINT_DECORATORS=[path]),
        pytest.raises(ConfigurationError, match="DDP_API_ENDPOINT_DECORATORS lists"),
    ):
        Method("x", print)
