"""`manage.py dddp_triggers`: the triggers of the change feed."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import DatabaseError, connections

from dddp.api import watching
from dddp.changefeed import triggers
from dddp.conf import conf
from dddp.exceptions import ConfigurationError


class Command(BaseCommand):
    """Lists, installs or removes triggers."""

    help = "Says which tables have the triggers that make querysets live; installs or removes them."

    def add_arguments(self, parser: CommandParser) -> None:
        """Declare the options."""
        action = parser.add_mutually_exclusive_group()
        action.add_argument(
            "--install",
            action="store_true",
            help="Create what is missing or outdated. Migrating does the same.",
        )
        action.add_argument(
            "--uninstall",
            action="store_true",
            help="Remove all triggers and functions of this package from the database.",
        )
        parser.add_argument(
            "--database",
            default=conf.database,
            help="Alias of the database; DDP_DATABASE unless given.",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        """Do what the options say, then list the state of each table."""
        if options["database"] not in connections:
            raise CommandError(f"DATABASES has no {options['database']!r}.")
        using = options["database"]
        connection = connections[using]
        if connection.vendor != "postgresql":
            raise CommandError(f"Database {using!r} is not PostgreSQL.")
        try:
            tables = watching.watched_tables(using)
        except (ConfigurationError, DatabaseError) as error:
            raise CommandError(str(error)) from error
        if options["install"]:
            triggers.install(connection, tables)
        elif options["uninstall"]:
            triggers.uninstall(connection)
        for state in triggers.status(connection, tables):
            self.stdout.write(f"{state.state:<10} {state.table}  {state.detail}".rstrip())
        for table in watching.unwatchable_tables(using):
            self.stdout.write(f"{'unseen':<10} {table}  It does not exist, or is a view.")
