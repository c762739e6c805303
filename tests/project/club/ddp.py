"""The club as clients see it."""

from club import models
from dddp.api import API, Collection


class Channel(Collection):
    model = models.Channel
    user_rel = "members"


class Message(Collection):
    model = models.Message
    user_rel = ["author", "channel__members"]


class EveryMessage(Collection):
    """Also of those who are in none."""

    model = models.Message
    name = "messages"


API.register([Channel, Message, EveryMessage])
