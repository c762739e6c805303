import json
import os

DEBUG = False
SECRET_KEY = "for tests only"
ALLOWED_HOSTS = ["127.0.0.1"]
INSTALLED_APPS = [
    "django.contrib.contenttypes",
    "django.contrib.auth",
    "dddp",
    "dddp.accounts",
    "people",
]
MIDDLEWARE = []
ROOT_URLCONF = "people.urls"
TEMPLATES = [{"BACKEND": "django.template.backends.django.DjangoTemplates", "APP_DIRS": True}]
USE_TZ = True
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
DATABASES = {
    "default": {"ENGINE": "django.db.backends.postgresql", **json.loads(os.environ["DATABASE"])}
}
AUTH_USER_MODEL = "people.Person"
AUTHENTICATION_BACKENDS = ["people.backends.Directory", "django.contrib.auth.backends.ModelBackend"]
PASSWORD_HASHERS = [
    "dddp.accounts.hashers.DigestPasswordHasher",
    "django.contrib.auth.hashers.MD5PasswordHasher",
]
DDP_ACCOUNTS_SIGNUP = True
DDP_ACCOUNTS_USERS = "people.users.Users"
DDP_ACCOUNTS_PROFILE_EDITS = True
