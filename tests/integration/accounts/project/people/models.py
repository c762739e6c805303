"""Users that have little in common with Django's own: a badge for a name, and no flags.

Clients know them by an id beside the primary key.
"""

import uuid

from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.db import models

from dddp.fields import AleaIdField


class Person(AbstractBaseUser):
    id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    aid = AleaIdField()
    badge = models.CharField(max_length=20, unique=True)
    motto = models.CharField(max_length=50, blank=True)

    objects = BaseUserManager()

    USERNAME_FIELD = "badge"
