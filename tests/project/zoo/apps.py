from django.apps import AppConfig
from django.db.models.signals import pre_migrate

from zoo.tables import create_extensions_and_tables


class ZooConfig(AppConfig):
    name = "zoo"

    def ready(self):
        pre_migrate.connect(create_extensions_and_tables, sender=self)
