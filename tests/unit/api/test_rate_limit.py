"""Which requests a rule has to do with, and which it counts together."""

from __future__ import annotations

from typing import Any

import pytest

from dddp.api.rate_limit import RateLimit, Request, rate_limit_of
from dddp.exceptions import ConfigurationError

CALL = Request("7", "192.0.2.1", "session-a", "tasks.add", "method")


def rule(**options: Any) -> RateLimit:
    return RateLimit(5, 10, **options)


class TestMatches:
    @pytest.mark.parametrize(
        "options",
        [
            {},
            {"name": "tasks.add"},
            {"name": ["login", "tasks.add"]},
            {"name": lambda name: name.startswith("tasks.")},
            {"user": "7", "address": "192.0.2.1", "connection": "session-a", "type": "method"},
        ],
    )
    def test_all_that_is_asked_for(self, options: dict[str, Any]) -> None:
        assert rule(**options).matches(CALL)

    @pytest.mark.parametrize(
        "options",
        [
            {"name": "tasks"},
            {"name": []},
            {"name": "tasks.add", "type": "subscription"},
            {"user": lambda user: user is None},
            {"user": "8"},
        ],
    )
    def test_not_what_lacks_something(self, options: dict[str, Any]) -> None:
        assert not rule(**options).matches(CALL)

    def test_a_value_is_no_pattern(self) -> None:
        assert not rule(name="tasks.add.more").matches(CALL)


class TestKey:
    @pytest.mark.parametrize(
        ("per", "same"),
        [
            ((), True),
            ("connection", False),
            (("address",), True),
            (["address", "user"], False),
        ],
    )
    def test_says_what_is_counted_apart(self, per: Any, same: bool) -> None:
        other = CALL._replace(connection="session-b", user="8")
        assert (rule(per=per).key(CALL) == rule(per=per).key(other)) is same

    def test_anonymous_clients_are_counted_by_address(self) -> None:
        nobody = CALL._replace(user=None)
        per_user = rule(per="user")
        assert per_user.key(nobody) == per_user.key(nobody._replace(connection="session-b"))
        assert per_user.key(nobody) != per_user.key(nobody._replace(address="192.0.2.2"))

    @pytest.mark.parametrize(
        ("one", "two", "same"),
        [
            ("2001:db8::1", "2001:db8::ffff:1", True),
            ("2001:db8::1", "2001:db8:0:1::1", False),
            ("::ffff:192.0.2.1", "192.0.2.1", True),
            ("192.0.2.1", "192.0.2.2", False),
            ("", "", True),
        ],
    )
    def test_an_ipv6_network_is_one_address(self, one: str, two: str, same: bool) -> None:
        per_address = rule(per="address")
        keys = [per_address.key(CALL._replace(address=each)) for each in (one, two)]
        assert (keys[0] == keys[1]) is same


@pytest.mark.parametrize(
    "options",
    [
        5,
        {},
        {"requests": 1},
        {"requests": -1, "seconds": 1},
        {"requests": True, "seconds": 1},
        {"requests": 1, "seconds": 0},
        {"requests": 1, "seconds": "1"},
        {"requests": 1, "seconds": float("inf")},
        {"requests": 1, "seconds": 1, "names": "x"},
        {"requests": 1, "seconds": 1, "name": 5},
        {"requests": 1, "seconds": 1, "name": [5]},
        {"requests": 1, "seconds": 1, "type": "sub"},
        {"requests": 1, "seconds": 1, "per": "session"},
    ],
)
def test_wrong_options(options: Any) -> None:
    with pytest.raises(ConfigurationError):
        rate_limit_of(options)
