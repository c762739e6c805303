"""Meteor's pseudo-random generator, and ids drawn from it or from the system's.

`Alea` is Johannes Baagøe's generator seeded through his hash Mash, as Meteor's `random` package
has it: equal seeds give equal ids on client and server.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Sequence
from typing import Any

UNMISTAKABLE = "23456789ABCDEFGHJKLMNPQRSTWXYZabcdefghijkmnopqrstuvwxyz"
HEX = "0123456789abcdef"
BASE64 = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_"
TWO_32 = 4294967296.0
TWO_M32 = 2.3283064365386963e-10


class _Mash:
    def __init__(self) -> None:
        self._n: float = 0xEFC8249D

    def __call__(self, text: str) -> float:
        n = self._n
        for unit in text.encode("utf-16-le")[::2] if text.isascii() else _units(text):
            n += unit
            h = 0.02519603282416938 * n
            n = float(int(h) & 0xFFFFFFFF)
            h -= n
            h *= n
            n = float(int(h) & 0xFFFFFFFF)
            h -= n
            n += h * TWO_32
        self._n = n
        return float(int(n) & 0xFFFFFFFF) * TWO_M32


def _units(text: str) -> list[int]:
    raw = text.encode("utf-16-le", "surrogatepass")
    return [int.from_bytes(raw[i : i + 2], "little") for i in range(0, len(raw), 2)]


class Alea:
    """The generator. `seeds` are hashed as strings, in order."""

    def __init__(self, *seeds: object) -> None:
        mash = _Mash()
        state = [mash(" ") for _ in range(3)]
        for seed in seeds:
            for index in range(3):
                state[index] -= mash(str(seed))
                if state[index] < 0:
                    state[index] += 1
        self._s0, self._s1, self._s2 = state
        self._carry = 1

    def fraction(self) -> float:
        """The next number in [0, 1)."""
        t = 2091639 * self._s0 + self._carry * TWO_M32
        self._s0, self._s1 = self._s1, self._s2
        self._carry = int(t)
        self._s2 = t - self._carry
        return self._s2


class Random:
    """Meteor's `Random` over any source of fractions."""

    def __init__(self, fraction: Callable[[], float]) -> None:
        self.fraction = fraction

    def choice(self, items: Sequence[Any]) -> Any:
        """One of the items."""
        return items[int(self.fraction() * len(items))]

    def id(self, length: int = 17) -> str:
        """A document id: characters that are not mistaken for each other."""
        return self._string(length, UNMISTAKABLE)

    def hex_string(self, length: int) -> str:
        """Hexadecimal digits in lower case."""
        return self._string(length, HEX)

    def secret(self, length: int = 43) -> str:
        """A token as Meteor makes them; unguessable only over an unguessable source."""
        return self._string(length, BASE64)

    def _string(self, length: int, alphabet: str) -> str:
        return "".join([self.choice(alphabet) for _ in range(length)])


def random_id() -> str:
    """A new id of 17 characters from the system's generator."""
    return "".join([secrets.choice(UNMISTAKABLE) for _ in range(17)])


def random_secret() -> str:
    """A new token of 43 characters, 256 bits, from the system's generator."""
    return "".join([secrets.choice(BASE64) for _ in range(43)])
