"""The Django project that is served: found, loaded and checked before a client can connect."""

from __future__ import annotations

import importlib
import os
import sys
from typing import TYPE_CHECKING

from dddp.exceptions import ConfigurationError
from dddp.server import logs
from dddp.server.options import Options

if TYPE_CHECKING:
    from django.core.checks import CheckMessage
    from django.db.backends.base.base import BaseDatabaseWrapper


def find_settings(module: str | None) -> None:
    """Make Django's settings importable and import them.

    Args:
        module: their dotted name; DJANGO_SETTINGS_MODULE when None.

    Raises:
        ConfigurationError: there are none; the sentence says what to do. An error inside the
            settings module itself comes through as it is.
    """
    here = os.getcwd()
    if here not in sys.path:
        sys.path.insert(0, here)
    if module is not None:
        os.environ["DJANGO_SETTINGS_MODULE"] = module
    name = os.environ.get("DJANGO_SETTINGS_MODULE")
    if not name:
        raise ConfigurationError(
            "Which Django project? Set DJANGO_SETTINGS_MODULE, or give --settings "
            "myproject.settings."
        )
    try:
        importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name is None or not f"{name}.".startswith(f"{error.name}."):
            raise
        raise ConfigurationError(
            f"There is no settings module {name!r} here. Start in the directory of manage.py, or "
            f"mend DJANGO_SETTINGS_MODULE (or --settings)."
        ) from error


def load(options: Options) -> None:
    """`django.setup()` and logging; once per process.

    Raises:
        ConfigurationError: Django finds the settings faulty, or dddp is not installed in them.
    """
    import django
    from django.apps import apps
    from django.core.exceptions import ImproperlyConfigured

    try:
        django.setup()
    except ImproperlyConfigured as error:
        raise ConfigurationError(str(error)) from error
    logs.configure(options.verbose)
    if not apps.is_installed("dddp"):
        raise ConfigurationError("dddp is not among INSTALLED_APPS: add 'dddp' to it.")


def check() -> None:
    """Run the system checks of dddp and of its database.

    Warnings and unapplied migrations are told on stderr and stop nothing.

    Raises:
        ConfigurationError: a line for each error found, or that PostgreSQL cannot be reached.
    """
    from django.core import checks
    from django.db import DatabaseError, connections

    from dddp.conf import conf

    try:
        _report(checks.run_checks(tags=["dddp"]))
        _report(checks.run_checks(tags=["dddp", "database"], databases=[conf.database]))
        _tell_unapplied_migrations(connections[conf.database])
    except DatabaseError as error:
        reason = " ".join(str(error).split())
        raise ConfigurationError(
            f"The database {conf.database!r} cannot be used: {reason} "
            f"Start PostgreSQL, or mend DATABASES."
        ) from error
    finally:
        connections.close_all()


def _tell_unapplied_migrations(connection: BaseDatabaseWrapper) -> None:
    from django.db.migrations.executor import MigrationExecutor

    executor = MigrationExecutor(connection)
    plan = executor.migration_plan(executor.loader.graph.leaf_nodes())
    if plan:
        apps = ", ".join(sorted({migration.app_label for migration, _ in plan}))
        print(
            f"The database lacks {len(plan)} migrations of {apps}: run `manage.py migrate`.",
            file=sys.stderr,
        )


def _report(messages: list[CheckMessage]) -> None:
    from django.core.checks import ERROR, WARNING

    heard = [message for message in messages if not message.is_silenced()]
    errors = [_line(message) for message in heard if message.level >= ERROR]
    for message in heard:
        if WARNING <= message.level < ERROR:
            print(_line(message), file=sys.stderr)
    if errors:
        raise ConfigurationError("\n".join(errors))


def _line(message: CheckMessage) -> str:
    text = " ".join(str(message).split())
    return text.removeprefix("?: ")
