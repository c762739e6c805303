"""Who may read what: users in channels, with memberships that say more than that there is one."""

from django.conf import settings
from django.db import models


class Channel(models.Model):
    name = models.CharField(max_length=50)
    members = models.ManyToManyField(
        settings.AUTH_USER_MODEL, through="Membership", related_name="channels"
    )


class Membership(models.Model):
    channel = models.ForeignKey(Channel, models.CASCADE, related_name="memberships")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE)
    since = models.DateField(null=True)


class Message(models.Model):
    channel = models.ForeignKey(Channel, models.CASCADE, related_name="messages")
    author = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, null=True)
    text = models.TextField()
    hidden = models.BooleanField(default=False)

    class Meta:
        ordering = ["-text"]

    @property
    def headline(self):
        return f"{self.channel.name}: {self.text}"
