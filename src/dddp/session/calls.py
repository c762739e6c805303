"""Calls of methods. Runs in threads; one transaction for each call."""

from __future__ import annotations

import inspect
import logging
from collections.abc import Callable, Sequence
from typing import Any

from asgiref.sync import async_to_sync
from django.db import connections, transaction

from dddp import ejson
from dddp.api.this import Invocation, current
from dddp.changefeed.fence import notify_fence
from dddp.conf import conf
from dddp.exceptions import MeteorError
from dddp.protocol import messages
from dddp.protocol.frames import Frame

logger = logging.getLogger("dddp.session")


def call(
    function: Callable[..., Any],
    params: Sequence[Any],
    invocation: Invocation,
    method_id: str,
    fence: tuple[str, str],
) -> tuple[Frame, bool]:
    """Call a method in a transaction of its own.

    Args:
        fence: channel and token to notify if the transaction writes.

    Returns:
        The `result` message, and whether the token was sent. A result that cannot be encoded
        counts as an error of the method: nothing is committed.

    Raises what the method raises; MeteorError 400 for parameters it does not take.
    """
    try:
        inspect.signature(function).bind(*params)
    except TypeError as error:
        raise MeteorError(400, "Match failed") from error
    context = current.set(invocation)
    try:
        with transaction.atomic(using=conf.database):
            result = function(*params)
            if inspect.iscoroutine(result):
                result = async_to_sync(_awaited)(result)
            frame = messages.result(method_id, result)
            with connections[conf.database].cursor() as cursor:
                return frame, notify_fence(cursor, *fence)
    finally:
        current.reset(context)


async def _awaited(coroutine: Any) -> Any:
    return await coroutine


def wire_error(error: BaseException, what: str) -> dict[str, Any]:
    """What a client is told of an exception: all of a MeteorError, of others that there was one.

    Args:
        what: for the log, where the others go with their traceback: "Method 'x' of session y".
    """
    if not isinstance(error, MeteorError):
        logger.error("%s failed", what, exc_info=error)
        error = MeteorError(500, "Internal server error")
    try:
        ejson.encode_plain(error.details)
    except Exception:
        logger.exception("%s: the details of its error cannot be sent", what)
        error = MeteorError(error.error, error.reason)
    return error.as_wire()
