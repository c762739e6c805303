"""The Django app: wires what the other modules do."""

from django.apps import AppConfig
from django.db.models.signals import post_migrate


class DddpConfig(AppConfig):
    """`INSTALLED_APPS += ['dddp']`: finds each app's `ddp.py`, keeps triggers installed."""

    name = "dddp"
    verbose_name = "DDP"

    def ready(self) -> None:
        """Import what registers itself."""
        from dddp import checks  # noqa: F401, register themselves
        from dddp.api.registry import API
        from dddp.api.watching import install_after_migrate

        API.autodiscover()
        post_migrate.connect(install_after_migrate, dispatch_uid="dddp.install_triggers")
