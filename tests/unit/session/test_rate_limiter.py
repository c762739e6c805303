"""Fixed windows, and that nothing is kept for longer than it is needed."""

from __future__ import annotations

import pytest

from dddp.api.rate_limit import RateLimit, Request
from dddp.exceptions import MeteorError
from dddp.session.rate_limiter import RateLimiter


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def rules() -> list[RateLimit]:
    return [RateLimit(2, 10, type="method")]


@pytest.fixture
def limiter(rules: list[RateLimit], clock: Clock) -> RateLimiter:
    return RateLimiter(lambda: rules, clock, limit=3)


def request(connection: str = "a", name: str = "m", type: str = "method") -> Request:
    return Request(None, "192.0.2.1", connection, name, type)


def refused(limiter: RateLimiter, **options: str) -> bool:
    try:
        limiter.require(request(**options))
    except MeteorError:
        return True
    return False


def counters(limiter: RateLimiter) -> int:
    windows = limiter._windows.values()
    return sum(len(each) for window in windows for each in window.counters.values())


def test_the_first_ones_pass(limiter: RateLimiter) -> None:
    assert [refused(limiter) for _ in range(4)] == [False, False, True, True]


def test_what_does_not_match_is_not_counted(limiter: RateLimiter) -> None:
    assert not any(refused(limiter, type="subscription") for _ in range(4))
    assert counters(limiter) == 0


def test_connections_are_counted_apart(limiter: RateLimiter) -> None:
    assert [refused(limiter, connection=each) for each in "aaabb"] == [
        False,
        False,
        True,
        False,
        False,
    ]


def test_the_error(limiter: RateLimiter, clock: Clock) -> None:
    limiter.require(request())
    limiter.require(request())
    clock.now += 0.9995
    with pytest.raises(MeteorError) as caught:
        limiter.require(request())
    assert caught.value.as_wire() == {
        "isClientSafe": True,
        "error": "too-many-requests",
        "reason": "Error, too many requests. Please slow down. "
        "You must wait 10 seconds before trying again.",
        "details": {"timeToReset": 9001},
        "message": "Error, too many requests. Please slow down. "
        "You must wait 10 seconds before trying again. [too-many-requests]",
        "errorType": "Meteor.Error",
    }


def test_a_window_does_not_slide(limiter: RateLimiter, clock: Clock) -> None:
    limiter.require(request())
    clock.now += 9.999
    limiter.require(request())
    assert refused(limiter)
    clock.now += 0.001
    assert [refused(limiter) for _ in range(3)] == [False, False, True]


def test_a_window_begins_for_all_of_a_rule(limiter: RateLimiter, clock: Clock) -> None:
    limiter.require(request("a"))
    clock.now += 9
    assert [refused(limiter, connection="b") for _ in range(3)] == [False, False, True]
    clock.now += 1
    assert not refused(limiter, connection="b")


def test_the_longest_wait_of_several_rules(
    limiter: RateLimiter, rules: list[RateLimit], clock: Clock
) -> None:
    rules += [RateLimit(1, 60, name="m"), RateLimit(0, 5, name="m")]
    with pytest.raises(MeteorError) as first:
        limiter.require(request())
    clock.now += 1
    with pytest.raises(MeteorError) as second:
        limiter.require(request())
    waits = [caught.value.details["timeToReset"] for caught in (first, second)]
    assert waits == [5000, 59000]


class TestMemory:
    def test_a_connection_takes_its_counters_with_it(self, limiter: RateLimiter) -> None:
        limiter.require(request("a"))
        limiter.require(request("b"))
        limiter.forget("a")
        assert counters(limiter) == 1

    def test_what_is_shared_outlives_connections(
        self, limiter: RateLimiter, rules: list[RateLimit]
    ) -> None:
        rules[:] = [RateLimit(1, 10, per="address")]
        limiter.require(request("a"))
        limiter.forget("a")
        limiter.forget("")
        assert refused(limiter, connection="b")

    def test_a_window_that_has_ended(self, limiter: RateLimiter, clock: Clock) -> None:
        limiter.require(request())
        clock.now += 9
        limiter.sweep()
        assert counters(limiter) == 1
        clock.now += 1
        limiter.sweep()
        assert counters(limiter) == 0

    def test_no_more_than_so_many(self, limiter: RateLimiter, rules: list[RateLimit]) -> None:
        rules[:] = [RateLimit(1, 10, per="name")]
        names = [str(number) for number in range(100)]
        assert not any(refused(limiter, name=name) for name in names)
        assert counters(limiter) == 3
        assert refused(limiter, name="99")
