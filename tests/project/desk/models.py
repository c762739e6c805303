"""What clients write to by themselves, with ids that they draw too."""

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import models

from dddp.fields import AleaIdField
from dddp.models import AleaIdMixin


class Label(models.Model):
    name = models.CharField(max_length=20)


class Task(AleaIdMixin):
    PRIORITIES = [(1, "low"), (2, "high")]

    text = models.CharField("what to do", max_length=20)
    done = models.BooleanField(default=False)
    priority = models.PositiveSmallIntegerField(choices=PRIORITIES, default=1)
    hours = models.DecimalField(max_digits=6, decimal_places=2, null=True, blank=True)
    day = models.DateField(null=True, blank=True)
    at = models.DateTimeField(null=True, blank=True)
    notes = models.JSONField(default=dict, blank=True)
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, null=True, blank=True)
    parent = models.ForeignKey(
        "self", models.PROTECT, null=True, blank=True, related_name="children"
    )
    labels = models.ManyToManyField(Label, blank=True)
    reviewed = models.BooleanField(default=False)
    hidden = models.BooleanField(default=False)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["owner", "text"], name="desk_task_once"),
            models.CheckConstraint(
                condition=models.Q(hours__gte=0) | models.Q(hours=None), name="desk_task_hours"
            ),
        ]

    def clean(self):
        if self.text == "nonsense":
            raise ValidationError({"text": "That is nonsense."})

    def save(self, *args, **kwargs):
        if self.text == "not today":
            raise ValidationError("Not today.")
        super().save(*args, **kwargs)


class Invoice(models.Model):
    """Numbered by the database; its id is an unguessable name beside."""

    slug = AleaIdField()
    title = models.CharField(max_length=20)


class Shelfmark(models.Model):
    """A key that people choose."""

    code = models.CharField(max_length=10, primary_key=True)
    title = models.CharField(max_length=20, blank=True)


class Errand(Task):
    """A child: its id is its parent's."""

    place = models.CharField(max_length=20, blank=True)
