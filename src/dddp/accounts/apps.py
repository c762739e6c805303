"""The Django app."""

from django.apps import AppConfig


class AccountsConfig(AppConfig):
    """Its label is not `accounts`, which many projects have already."""

    name = "dddp.accounts"
    label = "ddp_accounts"
    verbose_name = "DDP accounts"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Import what registers itself."""
        from dddp.accounts import checks, receivers  # noqa: F401, register themselves
