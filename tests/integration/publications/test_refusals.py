"""What cannot be live is refused when it is subscribed to; the log says why, and what to do."""

import pytest
from django.db.models import Count
from django.db.models.functions import Now, Random
from django.test import override_settings

from club.models import Channel, Message
from dddp.api import MeteorError, Publication
from zoo.models import Person, Specimen, Unwatched

REFUSED = {
    "values": (lambda: Message.objects.values("text"), "use only() in place of values()"),
    "values_list": (lambda: Message.objects.values_list("text"), "use only()"),
    "dates": (lambda: Message.objects.dates("author__date_joined", "day"), "use only()"),
    "raw": (lambda: Message.objects.raw("SELECT * FROM club_message"), "without raw()"),
    "iterator": (lambda: Message.objects.iterator(), "as they are, without raw(), iterator()"),
    "list": (lambda: list(Message.objects.all()), "gives a Message and not a queryset"),
    "aggregate": (lambda: [Message.objects.aggregate(Count("pk"))], "or aggregate()"),
    "random order": (lambda: Message.objects.order_by("?")[:3], "a random order"),
    "random": (lambda: Person.objects.annotate(n=Random()), "`publish` method"),
    "clock": (lambda: Specimen.objects.filter(moment__lt=Now()), "`publish` method"),
    "extra": (lambda: Person.objects.extra(where=["1=1"]), "`publish` method"),
    "union": (
        lambda: Channel.objects.filter(pk=1).union(Channel.objects.filter(pk=2)),
        "publish the parts",
    ),
    "no collection": (lambda: Unwatched.objects.all(), "pass it to API.register"),
    "no triggers": (lambda: Person.objects.filter(unwatched__pk=1), "Add the model to DDP_WATCH"),
    "other collection": (lambda: (Message.objects.all(), "nope"), "'nope', which is not"),
    "other model": (lambda: (Message.objects.all(), "zoo.person"), "whose model is zoo.Person"),
    "no list": (lambda: 5, "not iterable"),
}


@pytest.fixture
def subscribe(client, offer):
    @offer
    class Refused(Publication):
        def get_queries(self, kind):
            queries, _ = REFUSED[kind]
            return queries()

    async def subscribe(kind):
        Message.objects.create(channel=Channel.objects.create(name="a"), text="t")
        with pytest.raises(MeteorError) as caught:
            await client.subscribe("Refused", kind)
        return caught.value

    return subscribe


@pytest.mark.parametrize("kind", REFUSED)
async def test_the_log_says_why(subscribe, kind, caplog):
    error = await subscribe(kind)
    assert (error.error, error.reason, error.details) == (500, "Internal server error", None)
    assert REFUSED[kind][1] in caplog.text


async def test_so_does_the_error_while_debugging(subscribe):
    with override_settings(DEBUG=True):
        error = await subscribe("values")
    assert (error.error, error.reason) == (500, "Internal server error")
    assert "use only() in place of values()" in error.details
    assert "Traceback" not in error.details
