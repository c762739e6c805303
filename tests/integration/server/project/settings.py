import json
import os

DEBUG = "DEBUG" in os.environ
SECRET_KEY = "for tests only"
ALLOWED_HOSTS = ["127.0.0.1", "localhost", "[::1]"]
INSTALLED_APPS = ["django.contrib.staticfiles", "dddp", "shop"]
MIDDLEWARE = []
ROOT_URLCONF = "shop.urls"
STATIC_URL = "static/"
USE_TZ = True
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
DATABASES = {
    "default": {"ENGINE": "django.db.backends.postgresql", **json.loads(os.environ["DATABASE"])}
}
globals().update(json.loads(os.environ.get("SETTINGS", "{}")))
