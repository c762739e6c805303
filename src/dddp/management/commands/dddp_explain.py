"""`manage.py dddp_explain`: how the querysets of a publication are kept live, and why so."""

from __future__ import annotations

import json
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import DatabaseError

from dddp.api.registry import API
from dddp.api.this import Invocation
from dddp.exceptions import DDPError
from dddp.livequery.plan import QueryPlan
from dddp.session.hub import installed_tables
from dddp.session.publishing import plans_for


class Command(BaseCommand):
    """Explains the plans of one publication."""

    help = "Says how each queryset of a publication is kept live: what a change costs, and why."

    def add_arguments(self, parser: CommandParser) -> None:
        """Declare the options."""
        parser.add_argument("publication", help="Its name.")
        parser.add_argument(
            "params",
            nargs="?",
            default="[]",
            help="""What a client passes, as a JSON array: '["jane@example.com", 3]'.""",
        )
        parser.add_argument("--user", help="Primary key of the user who subscribes.")

    def handle(self, *args: Any, **options: Any) -> None:
        """Plan the publication as for a client, without running any of its querysets."""
        publication = API.publication(options["publication"])
        if publication is None:
            known = ", ".join(sorted(each.name for each in API.publications()))
            raise CommandError(
                f"No publication is named {options['publication']!r}. There are: {known}."
            )
        if publication.is_imperative:
            raise CommandError(f"{publication.name} has `publish`: it says itself what there is.")
        invocation = Invocation(user_id=options["user"])
        params = _array(options["params"])
        try:
            plans = plans_for(API, publication, params, invocation, installed_tables())
        except (DDPError, DatabaseError) as error:
            details = getattr(error, "details", None)
            raise CommandError(f"{error} {details}" if details else str(error)) from error
        for plan in plans:
            self.stdout.write(explained(plan))


def explained(plan: QueryPlan) -> str:
    """A paragraph about one queryset."""
    tables = ", ".join(sorted(plan.tables)) or "no table"
    lines = [f"{plan.shape.collection}: {plan.technique}", f"reads {tables}", plan.sql]
    return "\n    ".join(filter(None, lines)) + "\n\n"


def _array(text: str) -> list[Any]:
    try:
        found = json.loads(text)
    except ValueError as error:
        raise CommandError(f"The parameters are no JSON: {error}") from error
    if not isinstance(found, list):
        raise CommandError(f"The parameters have to be a JSON array: '[{text}]'.")
    return found
