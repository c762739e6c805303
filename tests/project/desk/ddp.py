"""A desk as clients see it and write to it."""

from dddp.api import API, APIMixin, Collection, Publication, api_endpoint
from desk import models


class Label(Collection):
    model = models.Label


class Task(Collection):
    """Everybody writes what is his own, or nobody's."""

    model = models.Task
    anonymous_writes = True
    qs_filter = {"hidden": False}
    exclude = ["hidden"]
    writable_fields = [
        "text",
        "done",
        "priority",
        "hours",
        "day",
        "at",
        "notes",
        "owner",
        "parent_id",
        "labels",
    ]

    def allow_insert(self, user, obj, fields):
        return obj.owner_id in (None, user.pk)

    def deny_insert(self, user, obj, fields):
        if obj.text == "break the rule":
            raise ValueError("a broken rule")
        return obj.text == "denied"

    def allow_update(self, user, obj, fields):
        return obj.owner_id in (None, user.pk) and fields.get("text") != "refused"

    def deny_update(self, user, obj, fields):
        return "done" in fields and obj.text == "never done"

    def allow_remove(self, user, obj):
        return not obj.reviewed


class Errand(Collection):
    model = models.Errand
    anonymous_writes = True
    writable_fields = ["text", "place"]

    def allow_insert(self, user, obj, fields):
        return True


class Invoice(Collection):
    """Clients insert, and nothing else."""

    model = models.Invoice
    anonymous_writes = True
    writable_fields = ["title"]

    def allow_insert(self, user, obj, fields):
        return True


class Shelfmark(Collection):
    model = models.Shelfmark
    anonymous_writes = True
    writable_fields = ["code", "title"]

    def allow_insert(self, user, obj, fields):
        return True


class Desk(Publication):
    queries = [models.Task.objects.all(), models.Errand.objects.all()]


class Invoices(Publication):
    queries = [models.Invoice.objects.all()]


class Tasks(APIMixin):
    api_path_prefix = "tasks/"

    @api_endpoint
    def add(self, text):
        models.Task(text="never saved")
        task = models.Task.objects.create(text=text)
        tasks = models.Task.objects.bulk_create([models.Task(text=f"{text} {n}") for n in (2, 3)])
        return [task.pk, *(each.pk for each in tasks)]


API.register([Label, Task, Errand, Invoice, Shelfmark, Desk, Invoices, Tasks])
