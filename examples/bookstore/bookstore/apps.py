from django.apps import AppConfig


class BookstoreConfig(AppConfig):
    name = "bookstore"
    default_auto_field = "django.db.models.BigAutoField"
