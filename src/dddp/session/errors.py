"""The one place where exceptions become what clients are told."""

from __future__ import annotations

import logging
from traceback import format_exception_only
from typing import Any

from django.conf import settings
from django.core.exceptions import (
    NON_FIELD_ERRORS,
    ObjectDoesNotExist,
    PermissionDenied,
    ValidationError,
)
from django.http import Http404

from dddp import ejson
from dddp.exceptions import MeteorError

logger = logging.getLogger("dddp.session")


def wire_error(error: BaseException, what: object) -> dict[str, Any]:
    """What a client is told of an exception, as `result` and `nosub` carry it.

    All of a MeteorError; of Django's own what `client_error` says; of others that there was one,
    and under `DEBUG` in the details which.

    Args:
        what: its text is for the log, where the others go with their traceback: "Method 'x' of
            user 5".
    """
    told = client_error(error)
    if told is None:
        logger.error("%s failed", what, exc_info=error)
        details = "".join(format_exception_only(error)).strip() if settings.DEBUG else None
        told = MeteorError(500, "Internal server error", details)
    elif told is not error:
        trace = error if logger.isEnabledFor(logging.DEBUG) else None
        logger.info("%s was refused: %s", what, type(error).__name__, exc_info=trace)
    try:
        ejson.encode_plain(told.details)
    except Exception:
        logger.exception("%s: the details of its error cannot be sent", what)
        told = MeteorError(told.error, told.reason)
    return told.as_wire()


def client_error(error: BaseException) -> MeteorError | None:
    """What a client may know of an exception; None: nothing.

    ValidationError is 400 with its messages by field as details, PermissionDenied 403,
    ObjectDoesNotExist and Http404 are 404.
    """
    if isinstance(error, MeteorError):
        return error
    if isinstance(error, ValidationError):
        return MeteorError(400, "Validation failed", _messages(error))
    if isinstance(error, PermissionDenied):
        return MeteorError(403, "Permission denied")
    if isinstance(error, ObjectDoesNotExist | Http404):
        return MeteorError(404, "Not found")
    return None


def _messages(error: ValidationError) -> dict[str, list[str]]:
    if hasattr(error, "error_dict"):
        found: dict[str, list[str]] = error.message_dict
        return found
    return {NON_FIELD_ERRORS: error.messages}
