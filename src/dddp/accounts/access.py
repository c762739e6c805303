"""Which connections may carry credentials, and how often somebody may guess."""

from __future__ import annotations

import hashlib
import time
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Any

from django.core.cache import cache
from django.http.request import split_domain_port

from dddp.accounts.conf import conf
from dddp.accounts.errors import too_often
from dddp.api import site_of, this
from dddp.exceptions import MeteorError

THIS_MACHINE = {"localhost", "127.0.0.1", "[::1]"}
FORWARDING = ("x-forwarded-for", "x-forwarded-proto", "x-forwarded-host", "x-real-ip", "forwarded")


def require_tls() -> None:
    """Refuse credentials over the plain network (`DDP_ACCOUNTS_REQUIRE_TLS`)."""
    if not may_carry_credentials():
        raise MeteorError(403, "Authentication refused without TLS.")


def may_carry_credentials() -> bool:
    """Is the caller's connection safe, or nobody's wish that it be so?"""
    connection = this.connection
    return not conf.require_tls or connection.secure or is_local(connection)


def is_local(connection: Any) -> bool:
    """Is the client on this machine, and no proxy that passes on somebody else's messages?"""
    headers = connection.headers
    host, _ = split_domain_port(headers.get("host", ""))
    return (
        _is_loopback(connection.client_address)
        and host in THIS_MACHINE
        and not any(name in headers for name in FORWARDING)
    )


def _is_loopback(address: str) -> bool:
    parsed = parsed_address(address)
    return parsed is not None and parsed.is_loopback


def parsed_address(address: str) -> IPv4Address | IPv6Address | None:
    """A client's address, of IPv4 too where it is mapped into IPv6; None if it is none."""
    try:
        parsed = ip_address(address.partition("%")[0])
    except ValueError:
        return None
    return getattr(parsed, "ipv4_mapped", None) or parsed


class Failures:
    """Counts wrong passwords of one client address, for one account and for all.

    In Django's default cache, in windows of `seconds` (`DDP_ACCOUNTS_FAILED_LOGINS`).
    """

    def __init__(self, address: str, account: str) -> None:
        self._limits = conf.failed_logins
        self._window = int(time.time() // self._limits["seconds"])
        site = site_of(address)
        self._keys = {
            "address": self._key(site),
            "account": self._key(f"{site} {account.casefold()}"),
        }

    def require_few(self) -> None:
        """Raises MeteorError when there have been too many."""
        found = cache.get_many(self._keys.values())
        if any(found.get(key, 0) >= self._limits[name] for name, key in self._keys.items()):
            left = (self._window + 1) * self._limits["seconds"] - time.time()
            raise too_often(max(1, round(left * 1000)))

    def add(self) -> None:
        """One more."""
        for key in self._keys.values():
            if not cache.add(key, 1, self._limits["seconds"]):
                try:
                    cache.incr(key)
                except ValueError:  # it ran out in between
                    cache.set(key, 1, self._limits["seconds"])

    def _key(self, what: str) -> str:
        secret = hashlib.sha256(what.encode(errors="replace")).hexdigest()
        return f"dddp.accounts.failed.{self._window}.{secret}"
