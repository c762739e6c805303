"""System checks: what a project has to mend before clients get anything."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, Warning, register
from django.db import connections

from dddp.api.rate_limit import rate_limit_of
from dddp.api.registry import API
from dddp.api.validating import collection_problems, publication_problems
from dddp.conf import DEFAULTS, conf
from dddp.exceptions import DDPError
from dddp.session.publishing import resolve

TAG = "dddp"
OLDEST_POSTGRESQL = 140000


@register(TAG)
def check_database_engine(**_: Any) -> list[CheckMessage]:
    """dddp.E001: live queries need PostgreSQL."""
    alias = conf.database
    if alias not in connections:
        hint = f"Add it to DATABASES, or set DDP_DATABASE to one of {', '.join(connections)}."
        return [Error(f"DDP_DATABASE names no database: {alias!r}.", hint=hint, id="dddp.E001")]
    if connections[alias].vendor != "postgresql":
        return [
            Error(
                f"The database {alias!r} is {connections[alias].display_name}, and live queries "
                f"need PostgreSQL.",
                hint="Use the engine django.db.backends.postgresql, or set DDP_DATABASE.",
                id="dddp.E001",
            )
        ]
    return []


@register(TAG)
def check_settings(**_: Any) -> list[CheckMessage]:
    """dddp.E006: a setting of the wrong kind; dddp.W002: one that does not exist."""
    found: list[CheckMessage] = []
    for name, default in DEFAULTS.items():
        kind = KINDS.get(name) or partial(_misfit, default)
        wanted = kind(getattr(conf, name))
        if wanted:
            text = f"DDP_{name.upper()} must be {wanted}, not {getattr(conf, name)!r}."
            found.append(Error(text, hint="See docs/reference.md.", id="dddp.E006"))
    known = {f"DDP_{name.upper()}" for name in DEFAULTS}
    for name in dir(settings):
        own = name.startswith("DDP_") and not name.startswith(("DDP_ACCOUNTS_", "DDP_METEOR_"))
        if own and name not in known:
            hint = f"The settings are {', '.join(sorted(known))}."
            found.append(Warning(f"There is no setting {name}.", hint=hint, id="dddp.W002"))
    return found


def _misfit(default: Any, value: Any) -> str:
    """What a value should be, if it is not like the default; "" if it is."""
    if isinstance(default, bool):
        return "" if isinstance(value, bool) else "True or False"
    if isinstance(default, tuple):
        value = () if value is None else value
        fits = isinstance(value, list | tuple) and all(isinstance(each, str) for each in value)
        return "" if fits else "a list of strings"
    if isinstance(default, int | float):
        number = isinstance(value, int | float) and not isinstance(value, bool) and value > 0
        whole = isinstance(value, int) or isinstance(default, float)
        return "" if number and whole else "a positive number"
    if isinstance(default, str):
        return "" if isinstance(value, str) else "a string"
    return ""


def _misfit_of_rate_limits(value: Any) -> str:
    if not isinstance(value, list | tuple):
        return "a list of dicts"
    try:
        for options in value:
            rate_limit_of(options)
    except DDPError as error:
        return f"a list of rate limits ({error})"
    return ""


def _misfit_of_transports(value: Any) -> str:
    known = DEFAULTS["sockjs_transports"]
    fits = isinstance(value, list | tuple) and all(each in known for each in value)
    return "" if fits else f"a list of some of {', '.join(known)}"


def _misfit_of_seconds(value: Any) -> str:
    fits = isinstance(value, int | float) and not isinstance(value, bool) and value >= 0
    return "" if fits else "a number of seconds, 0 or more"


def _misfit_of_prefix(value: Any) -> str:
    return "" if value is None or isinstance(value, str) else "a string or None"


ORIGIN = re.compile(r"[a-z][a-z0-9+.-]*://[^/\s]+/?", re.IGNORECASE)


def _misfit_of_origins(value: Any) -> str:
    given = () if value is None else value
    fits = isinstance(given, list | tuple) and all(
        isinstance(each, str) and (each in ("*", "null") or ORIGIN.fullmatch(each))
        for each in given
    )
    return "" if fits else 'a list of origins: "https://example.org", "https://*.example.org"'


def _misfit_of_limit(value: Any) -> str:
    fits = value is None or (isinstance(value, int) and value > 0 and value is not True)
    return "" if fits else "a positive whole number or None"


def _misfit_of_rate(value: Any) -> str:
    if value is None:
        return ""
    fits = isinstance(value, list | tuple) and len(value) == 2 and not _misfit(1.0, value[1])
    return "" if fits and not _misfit(1, value[0]) else "a pair (messages, seconds) or None"


KINDS = {
    "rate_limits": _misfit_of_rate_limits,
    "sockjs_transports": _misfit_of_transports,
    "allowed_origins": _misfit_of_origins,
    "health_prefix": _misfit_of_prefix,
    "max_connections_per_address": _misfit_of_limit,
    "compress_bytes": _misfit_of_limit,
    "message_rate": _misfit_of_rate,
    "resume_grace_seconds": _misfit_of_seconds,
    "shutdown_delay_seconds": _misfit_of_seconds,
    "shutdown_spread_seconds": _misfit_of_seconds,
    "shutdown_method_seconds": _misfit_of_seconds,
}


@register(TAG)
def check_collections(**_: Any) -> list[CheckMessage]:
    """dddp.E002: a Collection names fields that its model does not have."""
    found: list[CheckMessage] = []
    for collection in API.collections():
        try:
            collection.published_fields()
        except DDPError as error:
            hint = "Mend `fields` or `exclude`."
            found.append(Error(str(error), hint=hint, obj=type(collection), id="dddp.E002"))
    return found


@register(TAG)
def check_collection_options(**_: Any) -> list[CheckMessage]:
    """dddp.E007: an option of a Collection does not fit its model."""
    return [
        Error(f"Collection {each.name!r}: {problem}", obj=type(each), id="dddp.E007")
        for each in API.collections()
        for problem in collection_problems(each)
    ]


@register(TAG)
def check_publications(**_: Any) -> list[CheckMessage]:
    """dddp.E003: a publication's static queries have no Collection; E008: it cannot work."""
    found: list[CheckMessage] = []
    for publication in API.publications():
        for problem in publication_problems(publication):
            text = f"Publication {publication.name!r}: {problem}"
            found.append(Error(text, obj=type(publication), id="dddp.E008"))
        for entry in publication.static_queries():
            try:
                resolve(API, publication.name, entry)
            except DDPError as error:
                found.append(Error(str(error), obj=type(publication), id="dddp.E003"))
    return found


@register(TAG)
def check_methods(**_: Any) -> list[CheckMessage]:
    """dddp.E009: a method that clients cannot call."""
    return [
        Error(f"Method {method.name!r}: {problem}", obj=method.function, id="dddp.E009")
        for method in filter(None, map(API.find_method, API.methods()))
        for problem in method.arguments.problems()
    ]


@register(TAG)
def check_rate_limits(**_: Any) -> list[CheckMessage]:
    """dddp.W003: a rate limit for something that does not exist."""
    if conf.rate_limits is DEFAULTS["rate_limits"]:
        given = API.own_rate_limits()
    else:
        try:
            given = API.rate_limits()
        except DDPError:
            return []  # E006
    offered = {*API.methods(), *(each.name for each in API.publications())}
    named = {name for rule in given if isinstance(rule.name, frozenset) for name in rule.name}
    return [
        Warning(
            f"A rate limit is for {name!r}, which is neither a method nor a publication.",
            hint="Mend the `name` in DDP_RATE_LIMITS or API.rate_limit.",
            id="dddp.W003",
        )
        for name in sorted(named - offered)
        if API.find_method(name) is None
    ]


@register(TAG, Tags.database)
def check_database(databases: Sequence[str] | None = None, **_: Any) -> list[CheckMessage]:
    """dddp.E004, W001: what the database itself lacks; asked with `check --database`."""
    alias = conf.database
    if alias not in (databases or ()) or connections[alias].vendor != "postgresql":
        return []
    return list(_database_problems(alias))


def _database_problems(alias: str) -> Iterator[CheckMessage]:
    from dddp.api.watching import watched_tables
    from dddp.changefeed import triggers

    connection = connections[alias]
    with connection.cursor() as cursor:
        cursor.execute("SHOW server_version_num")
        (version,) = cursor.fetchone() or ("0",)
    if int(version) < OLDEST_POSTGRESQL:
        hint = "Upgrade it."
        yield Error("PostgreSQL is older than version 14.", hint=hint, id="dddp.E004")
        return
    for state in triggers.status(connection, watched_tables()):
        if state.state != "installed":
            yield Warning(
                f"The change triggers of {state.table} are {state.state}.",
                hint="Run `manage.py migrate` or `manage.py dddp_triggers --install`.",
                id="dddp.W001",
            )
