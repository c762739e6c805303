"""What clients are told, in Meteor's words (Meteor 3, accounts-base and accounts-password)."""

from __future__ import annotations

from typing import Any

from dddp.accounts.conf import conf
from dddp.exceptions import MeteorError

AMBIGUOUS = "Something went wrong. Please check your credentials."


def match_failed() -> MeteorError:
    """Parameters of the wrong shape."""
    return MeteorError(400, "Match failed")


def changed_meanwhile() -> ChangedMeanwhile:
    """As for a user who does not exist."""
    return ChangedMeanwhile(*refused("User not found").args)


def refused(reason: str, details: Any = None) -> MeteorError:
    """The reason, or by default one that does not tell whether there is such a user."""
    return MeteorError(403, AMBIGUOUS if conf.ambiguous_errors else reason, details)


class ChangedMeanwhile(MeteorError):
    """The user's password is not the one that was checked any more, or the user may not log in."""


def too_often(milliseconds: int) -> MeteorError:
    """As `dddp` itself says it of its rate limits."""
    seconds = -(-milliseconds // 1000)
    return MeteorError(
        "too-many-requests",
        f"Error, too many requests. Please slow down. You must wait {seconds} seconds before "
        f"trying again.",
        {"timeToReset": milliseconds},
    )
