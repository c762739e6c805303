from django.apps import AppConfig
from django.db import connections
from django.db.models.signals import post_migrate, pre_migrate

# Django declares no ON DELETE CASCADE: it deletes what refers to a row itself.
CASCADE = """
    ALTER TABLE wild_cub DROP CONSTRAINT IF EXISTS wild_cub_parent;
    ALTER TABLE wild_cub ADD CONSTRAINT wild_cub_parent FOREIGN KEY (parent_id)
        REFERENCES wild_beast ON DELETE CASCADE ON UPDATE CASCADE
"""


class WildConfig(AppConfig):
    name = "wild"

    def ready(self):
        pre_migrate.connect(create_extensions, sender=self)
        post_migrate.connect(declare_cascade, sender=self)


def create_extensions(using, **_):
    with connections[using].cursor() as cursor:
        cursor.execute("CREATE EXTENSION IF NOT EXISTS citext")


def declare_cascade(using, **_):
    with connections[using].cursor() as cursor:
        cursor.execute("SELECT to_regclass('wild_cub') IS NOT NULL")
        if cursor.fetchone()[0]:  # its tables are made with run_syncdb only
            cursor.execute(CASCADE)
