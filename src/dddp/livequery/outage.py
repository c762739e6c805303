"""Will the database do later what it does not do now?"""

from __future__ import annotations

from django.db import InterfaceError, OperationalError

RETRY_SECONDS = (0.1, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0)
"""Pauses between attempts."""


def is_outage(error: BaseException) -> bool:
    """Does an error of Django's database layer pass: is it worth while to try again?

    The connection is gone or not to be had (PostgreSQL, "Error Codes": class 08, and 57P01 to
    57P03, shutting down and starting up), or the statement was rolled back in favour of another
    (class 40, deadlocks). An error without a code comes from libpq: there was nobody to give one.
    """
    if not isinstance(error, OperationalError | InterfaceError):
        return False
    cause = error.__cause__
    code = getattr(cause, "sqlstate", None) or getattr(cause, "pgcode", None)
    return code is None or code.startswith(("08", "40", "57P"))
