"""What tests of users subscribe to."""

from club.models import Channel, Message
from dddp.api import Publication


class Mine(Publication):
    """What the user may see of everything."""

    def get_queries(self):
        return [Message.objects.all(), Channel.objects.all()]


class Everyones(Publication):
    queries = [(Message.objects.filter(hidden=False), "messages")]


def texts(client, collection="club.message"):
    return sorted(each["text"] for each in client.collections[collection].values())
