"""Tokens in the admin: to be seen and revoked, never made or changed."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.http import HttpRequest

from dddp.accounts.models import LoginToken, MailToken, VerifiedEmail


class ReadOnlyAdmin(admin.ModelAdmin):  # type: ignore[type-arg]  # none at run time
    """Rows may be looked at and deleted."""

    list_select_related = ["user"]
    date_hierarchy = "created"

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def get_search_fields(self, request: HttpRequest) -> list[str]:
        return [f"user__{self.model._meta.get_field('user').related_model.USERNAME_FIELD}"]


@admin.register(LoginToken)
class LoginTokenAdmin(ReadOnlyAdmin):
    """Deleting one closes the connections that use it."""

    fields = ["user", "kind", "created", "last_used", "expires", "address", "user_agent"]
    list_display = ["user", "kind", "created", "last_used", "expires", "address"]
    list_filter = ["kind", "expires"]


@admin.register(MailToken)
class MailTokenAdmin(ReadOnlyAdmin):
    """Deleting one makes the link in the mail useless."""

    fields = ["user", "purpose", "address", "created", "expires"]
    list_display = ["user", "purpose", "address", "created", "expires"]
    list_filter = ["purpose"]


@admin.register(VerifiedEmail)
class VerifiedEmailAdmin(admin.ModelAdmin):  # type: ignore[type-arg]  # none at run time
    """Addresses may be declared verified by hand."""

    list_display = ["address", "user", "verified"]
    search_fields = ["address"]
    raw_id_fields = ["user"]
