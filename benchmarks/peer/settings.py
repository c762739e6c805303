"""The sample bookstore's settings with Channels instead of dddp."""

import os

from myproject.settings import *  # noqa: F403, settings
from myproject.settings import INSTALLED_APPS

INSTALLED_APPS = [
    *(app for app in INSTALLED_APPS if not app.startswith("dddp")),
    "rest_framework",
    "channels",
    "djangochannelsrestframework",
]
ASGI_APPLICATION = "benchmarks.peer.asgi.application"
ROOT_URLCONF = "benchmarks.peer.urls"
CHANNEL_LAYERS = {
    "default": {
        "BACKEND": "channels_redis.core.RedisChannelLayer",
        "CONFIG": {"hosts": [("127.0.0.1", int(os.environ["PEER_REDIS_PORT"]))]},
    }
}
