"""What clients may write to the collection `users`: their own profile, if they may.

The methods are Meteor's `/users/update` and `/users/updateAsync`; all else that these can ask for
is refused (Meteor 3, accounts-base).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dddp.accounts import tokens
from dddp.accounts.conf import conf
from dddp.api import this
from dddp.exceptions import MeteorError

if TYPE_CHECKING:
    from dddp.accounts.users import Users

BY_ID = "Not permitted. Untrusted code may only {} documents by ID."
PREFIX = "profile."


def update(users: Users, method: str, selector: Any, modifier: Any) -> int:
    """Set the caller's profile, or parts of it; returns how many users that were.

    Args:
        method: what the client has called, "update" or "updateAsync".

    Raises:
        MeteorError: anything else is asked for.
        ValidationError: values that the user model does not take.
    """
    wanted = selector.get("_id") if isinstance(selector, dict) and len(selector) == 1 else selector
    if not isinstance(wanted, str):
        raise MeteorError(403, BY_ID.format(method))
    given = _profile(modifier)
    if not conf.profile_edits or this.user_id is None or wanted != this.user_ddp_id or not given:
        raise MeteorError(403, "Access denied")
    user = tokens.locked(this.user)
    if user is None:
        raise MeteorError(403, "Access denied")
    before = dict(vars(user))
    users.set_profile(user, given)
    fields = user._meta.concrete_fields
    changed = [each for each in fields if vars(user).get(each.attname) != before[each.attname]]
    user.clean_fields(exclude=[field.name for field in fields if field not in changed])
    user.save()
    return 1


def _profile(modifier: Any) -> dict[str, Any]:
    """The parts of the profile that are set, empty if it is about anything else."""
    changes = modifier.get("$set") if isinstance(modifier, dict) and len(modifier) == 1 else None
    if not isinstance(changes, dict):
        return {}
    found: dict[str, Any] = {}
    for key, value in changes.items():
        if key == "profile" and isinstance(value, dict):
            found.update(value)
        elif key.startswith(PREFIX):
            found[key.removeprefix(PREFIX)] = value
        else:
            return {}
    return found
