"""The Django app."""

from django.apps import AppConfig


class MeteorConfig(AppConfig):
    """No models: publications and checks. `MeteorView` works without the app, too."""

    name = "dddp.meteor"
    label = "ddp_meteor"
    verbose_name = "DDP: Meteor front end"

    def ready(self) -> None:
        """Import what registers itself."""
        from dddp.meteor import checks  # noqa: F401, register themselves
