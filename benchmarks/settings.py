"""The sample bookstore's settings, an app with many-to-many relations, and one to be called."""

import os

from myproject.settings import *  # noqa: F403, settings
from myproject.settings import INSTALLED_APPS

# Nobody logs in, and each connection would be asked who it is.
INSTALLED_APPS = [
    *(app for app in INSTALLED_APPS if app != "dddp.accounts"),
    "benchmarks.chat",
    "benchmarks.calls",
]
ROOT_URLCONF = "benchmarks.calls.urls"

if "BENCHMARK_GRACE_SECONDS" in os.environ:
    DDP_RESUME_GRACE_SECONDS = float(os.environ["BENCHMARK_GRACE_SECONDS"])
