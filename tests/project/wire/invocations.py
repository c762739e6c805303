"""Methods that have to do with who calls them, and from where."""

import datetime as dt
import threading
from dataclasses import dataclass

from django.core.exceptions import PermissionDenied, ValidationError

from dddp.api import API, Publication, this
from zoo.models import Keyed

ERRORS = {
    "denied": PermissionDenied("a secret"),
    "missing": Keyed.DoesNotExist("a secret"),
    "invalid": ValidationError({"title": ["Too long."], "due": ["Too late.", "Too odd."]}),
}


@dataclass
class Task:
    title: str
    due: dt.datetime | None = None
    tags: tuple[str, ...] = ()


@API.method("wire/randomIds")
def random_ids(collection: str, count: int):
    stream = this.random_streams.for_collection(collection)
    return [stream.id() for _ in range(count)]


@API.method("wire/nested_ids")
def nested_ids(collection, count):
    return API.call("wire/randomIds", collection, count)


@API.method("wire/nested_ids_async")
async def nested_ids_async(collection, count):
    return await API.acall("wire/randomIds", collection, count)


@API.method("wire/hexadecimal")
def hexadecimal(collection):
    return this.random_streams.for_collection(collection).hex_string(24)


@API.method("wire/seed")
def seed():
    return [this.random_seed, this.is_simulation]


@API.method("wire/typed")
def typed(task: Task, *numbers: int):
    return [type(task).__name__, task.title, task.due, list(task.tags), sum(numbers)]


@API.method("wire/raise")
def raise_error(which: str):
    raise ERRORS[which]


@API.method("wire/connection")
def connection():
    mine = this.connection
    return {
        "id": mine.id,
        "address": mine.client_address,
        "agent": mine.headers.get("user-agent"),
        "secure": mine.secure,
        "transport": mine.transport,
        "cookies": this.request.COOKIES,
        "path": this.request.path,
    }


@API.method("wire/close")
def close():
    this.connection.close()


@API.method("wire/become")
def become(user_id: str | None):
    this.set_user_id(user_id)


@API.method("wire/become_odd")
def become_odd(user_id):
    this.set_user_id(user_id)


@API.method("wire/become_late")
def become_late(user_id):
    this.unblock()
    this.set_user_id(user_id)


@API.method("wire/become_by_server", transaction=False)
def become_by_server(user_id):
    """As if nobody had called this: in a thread that knows nothing of the call."""
    said = []

    def call():
        try:
            API.call("wire/login_without_transaction", user_id)
        except RuntimeError as error:
            said.append(str(error))

    thread = threading.Thread(target=call)
    thread.start()
    thread.join()
    return said


@API.method("wire/login_without_transaction", transaction=False)
def login_without_transaction(user_id):
    this.set_user_id(user_id)


class Me(Publication):
    """One document of whoever is logged in."""

    def publish(self):
        self.added("me", f"user {self.user_id}", {"name": self.user.get_username()})
        self.ready()


API.register(Me)
