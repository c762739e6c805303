from django.apps import AppConfig
from django.db import connections
from django.db.models.signals import pre_migrate


class ZooConfig(AppConfig):
    name = "zoo"

    def ready(self):
        pre_migrate.connect(create_extensions, sender=self)


def create_extensions(using, **_):
    with connections[using].cursor() as cursor:
        cursor.execute("CREATE EXTENSION IF NOT EXISTS citext")
