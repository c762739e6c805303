"""The sample bookstore's settings, and an app with many-to-many relations."""

from myproject.settings import *  # noqa: F403
from myproject.settings import INSTALLED_APPS

INSTALLED_APPS = [*INSTALLED_APPS, "benchmarks.chat"]
