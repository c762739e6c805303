"""Views under the name they have always had."""

from dddp.meteor.views import MeteorView

__all__ = ["MeteorView"]
