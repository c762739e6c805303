"""What clients may pass to a function, by its signature and type hints."""

from __future__ import annotations

import datetime as dt
import inspect
import math
import re
import typing
from collections.abc import Callable, Iterator, Sequence
from functools import cached_property
from inspect import Parameter
from typing import Any

import msgspec

from dddp.exceptions import ConfigurationError, MeteorError

EJSON_TYPES = (dt.datetime, bytes)
POSITIONAL = (Parameter.POSITIONAL_ONLY, Parameter.POSITIONAL_OR_KEYWORD)
_PATH = re.compile(r"`\$([^`]*)`")


class Arguments:
    """The arguments of a function. Hints are looked at when they are needed first."""

    def __init__(self, function: Callable[..., Any]) -> None:
        self._function = function

    def of(self, params: Sequence[Any]) -> list[Any]:
        """The arguments that a client's parameters make.

        Where there is a hint, a value is converted to it: dataclasses from objects, sets from
        lists, UUIDs, decimals, dates, times and durations from strings. Dates with a time and
        binary values have to be that in EJSON. Without a hint it stays as it is.

        Raises:
            MeteorError: 400, for a number of parameters that the function does not take, or a
                value of the wrong type, with `path` and `reason` in its details.
            ConfigurationError: a hint that nothing can be checked by.
        """
        least, most = self._numbers
        if not least <= len(params) <= most:
            raise MeteorError(400, "Match failed")
        hints, rest = self._hints
        return [
            _converted(value, hints[place] if place < len(hints) else rest, place)
            for place, value in enumerate(params)
        ]

    def problems(self) -> Iterator[str]:
        """A sentence for each thing that keeps clients from calling the function."""
        try:
            _ = self._hints
        except ConfigurationError as error:
            yield str(error)
        for name, each in self._signature.parameters.items():
            if each.kind is Parameter.KEYWORD_ONLY and each.default is Parameter.empty:
                yield f"Clients pass no keywords, so {name!r} needs a default."

    @cached_property
    def _signature(self) -> inspect.Signature:
        return inspect.signature(self._function)

    @cached_property
    def _numbers(self) -> tuple[int, float]:
        """How many positional arguments it takes; more than any where a keyword is missing."""
        parameters = self._signature.parameters.values()
        positional = [each for each in parameters if each.kind in POSITIONAL]
        kinds = [each.kind for each in parameters if each.default is Parameter.empty]
        if Parameter.KEYWORD_ONLY in kinds:
            return 1, 0
        least = sum(each.default is Parameter.empty for each in positional)
        return least, math.inf if Parameter.VAR_POSITIONAL in kinds else len(positional)

    @cached_property
    def _hints(self) -> tuple[list[Any], Any]:
        """Of the positional parameters, and of `*args`; Any where there is none."""
        parameters = self._signature.parameters.values()
        found = _resolved(self._function)
        hints = [found.get(each.name, Any) for each in parameters if each.kind in POSITIONAL]
        rest = [each.name for each in parameters if each.kind is Parameter.VAR_POSITIONAL]
        return hints, found.get(rest[0], Any) if rest else Any


def takes_nothing(function: Callable[..., Any]) -> bool:
    """May it be called without arguments?"""
    try:
        inspect.signature(function).bind()
    except TypeError:
        return False
    return True


def _resolved(function: Callable[..., Any]) -> dict[str, Any]:
    if not inspect.isroutine(function):
        return {}
    try:
        hints = typing.get_type_hints(function, include_extras=True)
    except Exception as error:
        raise ConfigurationError(f"Its type hints cannot be resolved: {error!r}.") from error
    hints.pop("return", None)
    for name, hint in hints.items():
        try:
            msgspec.convert(None, hint)
        except msgspec.ValidationError:
            pass
        except Exception as error:
            raise ConfigurationError(
                f"Nothing can be checked by the type hint of {name!r}: {error}. Use Any."
            ) from error
    return hints


def _converted(value: Any, hint: Any, place: int) -> Any:
    if hint is Any:
        return value
    try:
        return msgspec.convert(value, hint, builtin_types=EJSON_TYPES, str_keys=True)
    except (msgspec.ValidationError, TypeError, OverflowError) as error:
        # TypeError: what goes into a set has to be hashable.
        reason, _, where = str(error).partition(" - at ")
        path = _PATH.search(where)
        details = {"path": f"params[{place}]{path[1] if path else ''}", "reason": reason}
        raise MeteorError(400, "Match failed", details) from error
