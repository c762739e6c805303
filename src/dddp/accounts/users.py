"""The collection `users`: what a client sees of whoever is logged in."""

from __future__ import annotations

from typing import Any

from django.contrib.auth import get_user_model
from django.db.models import Model

from dddp.accounts.errors import match_failed
from dddp.accounts.lookup import email_of, field_of, has_field
from dddp.accounts.params import text
from dddp.accounts.profile import update
from dddp.api import Collection, api_endpoint


def _of_permissions() -> list[str]:
    found = []
    for field, path in {"user_permissions": "", "groups": "__permissions"}.items():
        if has_field(field):
            found += [f"{field}{path}__codename", f"{field}{path}__content_type__app_label"]
    return found


class Users(Collection):
    """Each user's own row, as a Meteor user.

    To publish more, or to keep the profile elsewhere, override what is below in a subclass and
    name it in `DDP_ACCOUNTS_USERS`; what it reads besides goes into `serialize_reads`.

    Attributes:
        profile_fields: those of the user model's fields that are in the `profile`.
    """

    model: type[Model] = get_user_model()  # type: ignore[misc]  # known at run time only
    name = "users"
    fields = ()
    user_rel = "pk"
    always_allow_superusers = False
    by_name_only = True
    serialize_reads = ["ddp_verified_emails__address", *_of_permissions()]
    profile_fields = tuple(name for name in ("first_name", "last_name") if has_field(name))

    def __init_subclass__(cls, **kwargs: Any) -> None:
        cls.name = Users.name  # a collection's name is its model's otherwise
        super().__init_subclass__(**kwargs)

    def serialize(self, obj: Any) -> dict[str, Any]:
        """`username`, `emails`, `profile`, `permissions`, `createdAt`."""
        document = {
            "username": obj.get_username(),
            "emails": self.emails(obj),
            "profile": self.profile(obj),
        }
        if hasattr(obj, "get_all_permissions"):
            document["permissions"] = sorted(obj.get_all_permissions())
        if has_field("date_joined"):
            document["createdAt"] = obj.date_joined
        return document

    def emails(self, user: Any) -> list[dict[str, Any]]:
        """`[{"address", "verified"}]`, empty for a user without one."""
        address = email_of(user)
        if field_of("email") is None or not address:
            return []
        verified = {each.address for each in user.ddp_verified_emails.all()}
        return [{"address": address, "verified": address in verified}]

    def profile(self, user: Any) -> dict[str, Any]:
        """The profile of a user: `profile_fields`, and the full name as `name`."""
        found = {name: getattr(user, name) for name in self.profile_fields}
        if hasattr(user, "get_full_name"):
            found["name"] = user.get_full_name()
        return found

    def set_profile(self, user: Any, profile: dict[str, Any]) -> None:
        """Set what a client gives as the profile of a user who is saved afterwards.

        `name` alone is first and last name. Raises MeteorError (400) for what has no place.
        """
        given = dict(profile)
        if isinstance(given.get("name"), str) and {"first_name", "last_name"} <= {
            *self.profile_fields
        }:
            first, _, last = given.pop("name").strip().partition(" ")
            given = {"first_name": first, "last_name": last.strip(), **given}
        if not set(given) <= set(self.profile_fields):
            raise match_failed()
        for name, value in given.items():
            setattr(user, name, value if value == "" else text(value))

    @api_endpoint("update")
    def _update(self, selector: Any, modifier: Any, options: Any = None) -> int:
        return update(self, "update", selector, modifier)

    @api_endpoint("updateAsync")
    def _update_async(self, selector: Any, modifier: Any, options: Any = None) -> int:
        return update(self, "updateAsync", selector, modifier)
