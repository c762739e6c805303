from benchmarks.chat import models
from dddp.api import API, Collection


class Message(Collection):
    model = models.Message


API.register(Message)
