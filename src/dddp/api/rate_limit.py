"""Rules of how often clients may call and subscribe (Meteor 3, DDPRateLimiter). No I/O."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from ipaddress import IPv6Address, ip_address, ip_network
from typing import Any, NamedTuple

from dddp.exceptions import ConfigurationError

Matcher = str | Iterable[str] | Callable[[Any], Any] | None
PARTS = ("user", "address", "connection", "name", "type")
TYPES = ("method", "subscription")
IPV6_SITE = 64
"""Leading bits of an IPv6 address that one customer has for himself."""


class Request(NamedTuple):
    """A call or subscription of a client.

    Attributes:
        user: primary key of the logged-in user, or None.
        address: of the client, "" if unknown.
        connection: id of the client's session.
        name: of the method or publication.
        type: "method" or "subscription".
    """

    user: str | None
    address: str
    connection: str
    name: str
    type: str


@dataclass(frozen=True, eq=False)
class RateLimit:
    """No more than so many of the requests that match, in so many seconds.

    Attributes:
        requests: how many are let through in one window.
        seconds: the length of a window.
        user, address, connection, name, type: what a request must have: a value, several, or a
            function that is given the value and says yes or no; None: whatever it is.
        per: what is counted apart, as names of the above; with nothing, all is counted together.
    """

    requests: int
    seconds: float
    user: Matcher = None
    address: Matcher = None
    connection: Matcher = None
    name: Matcher = None
    type: Matcher = None
    per: str | Iterable[str] = ("connection",)
    _matchers: list[tuple[int, Any]] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Raises ConfigurationError for what makes no sense."""
        _require(_is_number(self.requests) and self.requests >= 0, "`requests` has to be a number")
        _require(
            _is_number(self.seconds) and 0 < self.seconds < math.inf,
            "`seconds` has to be a positive number",
        )
        per = (self.per,) if isinstance(self.per, str) else tuple(self.per)
        _require(set(per) <= set(PARTS), f"`per` takes some of {', '.join(PARTS)}")
        object.__setattr__(self, "per", per)
        for part in PARTS:
            object.__setattr__(self, part, _matcher(part, getattr(self, part)))
        matchers = [(place, getattr(self, part)) for place, part in enumerate(PARTS)]
        object.__setattr__(self, "_matchers", [pair for pair in matchers if pair[1] is not None])
        wrong = self.type is not None and isinstance(self.type, frozenset) and self.type - {*TYPES}
        _require(not wrong, f"`type` is one of {', '.join(TYPES)}")

    def matches(self, request: Request) -> bool:
        """Does the rule have to do with a request? Raises what its functions raise."""
        return all(_fits(matcher, request[place]) for place, matcher in self._matchers)

    def key(self, request: Request) -> tuple[str, ...]:
        """Equal for requests that are counted together."""
        return tuple([_counted(request, part) for part in self.per])


def rate_limit_of(options: Any) -> RateLimit:
    """A rule given as a mapping in the settings. Raises ConfigurationError."""
    if not isinstance(options, Mapping):
        raise ConfigurationError(f"A rate limit is a dict of its options, not {options!r}.")
    try:
        return RateLimit(**options)
    except TypeError as error:
        raise ConfigurationError(f"The rate limit {dict(options)!r} is wrong: {error}") from error


def _counted(request: Request, part: str) -> str:
    if part == "address":
        return site_of(request.address)
    if part == "user" and request.user is None:
        return f"anonymous at {site_of(request.address)}"
    return str(getattr(request, part))


def site_of(address: str) -> str:
    """What counts as one address: an IPv6 network of 64 bits, a single IPv4 address."""
    try:
        parsed = ip_address(address)
    except ValueError:
        return address
    if not isinstance(parsed, IPv6Address):
        return address
    if parsed.ipv4_mapped is not None:
        return str(parsed.ipv4_mapped)
    return str(ip_network((int(parsed), IPV6_SITE), strict=False).network_address)


def _matcher(part: str, given: Any) -> Any:
    if given is None or callable(given):
        return given
    values = [given] if isinstance(given, str) else given
    fits = isinstance(values, Iterable) and not isinstance(values, Mapping | bytes)
    values = list(values) if fits else [None]
    _require(
        all(isinstance(value, str) for value in values),
        f"`{part}` has to be a string, several, or a function",
    )
    return frozenset(values)


def _fits(matcher: Any, value: str | None) -> bool:
    return value in matcher if isinstance(matcher, frozenset) else bool(matcher(value))


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _require(condition: bool, what: str) -> None:
    if not condition:
        raise ConfigurationError(f"A rate limit is wrong: {what}.")
