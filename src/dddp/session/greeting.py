"""What applications do about each new connection. Runs in threads."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Any

from dddp.api.this import Invocation, current
from dddp.session.rights import Login, login_of


def greet(
    hook: Callable[[], Any], invocation: Invocation, watched: Collection[str]
) -> Login | None:
    """Call the hook; returns whom it has logged in."""
    token = current.set(invocation)
    try:
        hook()
    finally:
        current.reset(token)
    return login_of(invocation.user_id, invocation.while_exists, watched)
