"""Settings of property-based tests: slow machines are no failure."""

from hypothesis import settings

settings.register_profile("dddp", deadline=None)
settings.load_profile("dddp")
