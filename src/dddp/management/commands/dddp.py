"""`manage.py dddp`: the `dddp` command with the project's settings, and --reload under DEBUG."""

from __future__ import annotations

import argparse
import sys
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from dddp.server import run
from dddp.server.options import add_arguments, options_from


class Command(BaseCommand):
    """Serves until a signal ends it."""

    help = "Serve this project and DDP on the same port."
    requires_system_checks = []
    """The server runs those that concern it, in the process that serves."""

    def add_arguments(self, parser: CommandParser) -> None:
        """What the `dddp` command has."""
        add_arguments(parser)

    def handle(self, *_: Any, **options: Any) -> None:
        """Exit with the server's exit code. Verbosity 2 and more log requests and details."""
        try:
            wanted = options_from(
                argparse.Namespace(**options),
                verbose=options["verbosity"] > 1,
                reload=settings.DEBUG,
            )
        except ValueError as error:
            raise CommandError(str(error)) from error
        sys.exit(run(wanted))
