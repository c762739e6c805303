"""What clients may write to a collection by themselves (Meteor 3, `allow` and `deny`)."""

from __future__ import annotations

import inspect
import logging
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

logger = logging.getLogger("dddp.api")

KINDS = ("insert", "update", "remove")


class WriteRules:
    """Rules for the methods `/<collection>/insert`, `update`, `remove`; without, these refuse.

    All of them run in the method's thread and transaction. `user` is as `this.user`. `fields` are
    the values that the client wants to write, by their names for clients; they are of the
    fields' types, but not validated yet. An exception in a rule refuses the write.

    Attributes:
        writable_fields: names of the model fields that clients may write. The primary key among
            them: clients choose the ids of what they insert, as they always may with an
            `AleaIdField`.
        anonymous_writes: the rules are asked for clients that are not logged in, too; else these
            may write nothing.
    """

    writable_fields: ClassVar[Sequence[str]] = ()
    anonymous_writes: ClassVar[bool] = False

    def allow_insert(self, user: Any, obj: Any, fields: Mapping[str, Any]) -> bool:
        """May this object, which is not saved yet, be inserted?"""
        return False

    def allow_update(self, user: Any, obj: Any, fields: Mapping[str, Any]) -> bool:
        """May these fields of the object, given as it is stored, be changed?"""
        return False

    def allow_remove(self, user: Any, obj: Any) -> bool:
        """May the object be deleted?"""
        return False

    def deny_insert(self, user: Any, obj: Any, fields: Mapping[str, Any]) -> bool:
        """Must this object not be inserted, whatever `allow_insert` says?"""
        return False

    def deny_update(self, user: Any, obj: Any, fields: Mapping[str, Any]) -> bool:
        """Must these fields not be changed?"""
        return False

    def deny_remove(self, user: Any, obj: Any) -> bool:
        """Must the object not be deleted?"""
        return False

    def given_rules(self) -> list[str]:
        """Names of the rules that have been overridden."""
        names = [f"{verb}_{kind}" for kind in KINDS for verb in ("allow", "deny")]
        return [
            name for name in names if getattr(type(self), name) is not getattr(WriteRules, name)
        ]

    def permits(self, kind: str, user: Any, *args: Any) -> bool:
        """Does no rule deny, and one allow?

        Args:
            kind: "insert", "update" or "remove".
            args: what the rules are given besides the user.
        """
        # A rule such as `obj.owner_id == user.pk` would be true of None and None.
        if not (user.is_authenticated or self.anonymous_writes):
            return False
        args = (user, *args)
        return not self._says(f"deny_{kind}", args, False) and self._says(
            f"allow_{kind}", args, True
        )

    def _says(self, rule: str, args: Sequence[Any], wanted: bool) -> bool:
        """What a rule answers; what refuses, if it gives no answer."""
        try:
            answer = getattr(self, rule)(*args)
            if not inspect.isawaitable(answer):
                return bool(answer)
            if inspect.iscoroutine(answer):
                answer.close()
            logger.error("%s.%s must be a plain function", type(self).__qualname__, rule)
        except Exception:
            logger.exception("%s.%s failed: refused", type(self).__qualname__, rule)
        return not wanted
