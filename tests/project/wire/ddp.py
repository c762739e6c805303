"""What tests of the protocol call and subscribe to."""

import datetime as dt
import threading
from collections import defaultdict

from dddp.api import API, APIMixin, MeteorError, Publication, api_endpoint, this
from wire import invocations  # noqa: F401, its methods are offered with these
from zoo.models import Keyed

SECONDS = 30
gates = defaultdict(threading.Event)


class Wire(APIMixin):
    api_path_prefix = "wire/"

    @api_endpoint
    def echo(self, *params):
        return list(params)

    @api_endpoint
    def nothing(self):
        pass

    @api_endpoint
    def refuse(self, error, reason=None, details=None):
        raise MeteorError(error, reason, details)

    @api_endpoint
    def refuse_with_a_date(self):
        raise MeteorError("late", details={"at": dt.datetime(2024, 1, 1, tzinfo=dt.UTC)})

    @api_endpoint
    def fail(self, text):
        raise ValueError(text)

    @api_endpoint
    def give_what_has_no_form(self):
        return object()

    @api_endpoint
    def refuse_with_what_has_no_form(self):
        raise MeteorError("odd", details=object())

    @api_endpoint
    def put(self, key, value):
        Keyed.objects.update_or_create(key=key, defaults={"value": value})

    @api_endpoint
    def put_many(self, count):
        Keyed.objects.bulk_create([Keyed(key=f"{n:06}", value=n) for n in range(count)])

    @api_endpoint
    def put_while_connected(self, key):
        Keyed.objects.create(key=key)
        this.connection.on_close(lambda: Keyed.objects.filter(key=key).delete())

    @api_endpoint
    def put_and_fail(self, key):
        Keyed.objects.create(key=key)
        raise MeteorError("failed")

    @api_endpoint
    def drop(self, key):
        Keyed.objects.filter(key=key).delete()

    @api_endpoint
    def pass_gate(self, name):
        """Return once somebody has opened the gate."""
        assert gates[name].wait(SECONDS)

    @api_endpoint
    def unblock_and_pass_gate(self, name):
        this.unblock()
        assert gates[name].wait(SECONDS)

    @api_endpoint
    def open_gate(self, name):
        gates[name].set()

    @api_endpoint
    def random_ids(self, collection, count):
        stream = this.random_streams.for_collection(collection)
        return [stream.id() for _ in range(count)]

    @api_endpoint
    def limited(self):
        return this.user_id

    @api_endpoint
    def limited_wrongly(self):
        pass


class Limited(Publication):
    queries = [Keyed.objects.all()]


def fail(_name):
    raise ValueError("a rule")


API.rate_limit(2, 60, name="wire/limited", type="method")
API.rate_limit(2, 60, name="Limited", type="subscription")
API.rate_limit(2, 60, name=lambda name: name == "wire/limited_wrongly" and fail(name))


class AllKeyed(Publication):
    queries = [Keyed.objects.order_by("key")]


class KeyedFrom(Publication):
    def get_queries(self, first):
        return [Keyed.objects.filter(key__gte=first)]


class KeysOnly(Publication):
    queries = [Keyed.objects.only("key")]


class Gated(Publication):
    def get_queries(self, name):
        assert gates[name].wait(SECONDS)
        return []


class Refused(Publication):
    def get_queries(self):
        raise MeteorError("members-only", "Not for you.", {"level": 3})


class Broken(Publication):
    def get_queries(self):
        raise ValueError("secret text")


class NoQueryset(Publication):
    def get_queries(self):
        return [5]


class Empty(Publication):
    def get_queries(self):
        return None


API.register(
    [Wire, Limited, AllKeyed, KeyedFrom, KeysOnly, Gated, Refused, Broken, NoQueryset, Empty]
)
