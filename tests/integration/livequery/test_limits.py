"""What clients can make a server keep is bounded, and gone with them."""

import asyncio
import gc
import json
import random
import threading
import weakref
from dataclasses import replace

from django.db.models import Value
from django.db.models.functions import Length

from bookstore.models import Book
from dddp.conf import conf
from dddp.exceptions import ListenerError
from dddp.livequery import catalog
from dddp.livequery.asking import ask
from dddp.livequery.owners import Owners
from dddp.protocol.connection import NORMAL_CLOSURE
from dddp.session.hub import Hub
from dddp.session.info import ConnectionInfo
from dddp.session.outbox import Outbox
from tools.feed import until
from tools.inprocess import InProcess, db
from tools.plans import plan_of
from zoo.models import Keyed, Specimen, Ticket

DOCUMENTS = 2_000_000


async def opened(hub):
    """A session whose client reads only what the test takes."""
    session = hub.open(ConnectionInfo())
    await send(session, msg="connect", version="1", support=["1"])
    return session


async def send(session, **message):
    await session.receive(json.dumps(message))


def texts(client):
    return {each["text"] for each in client.collections["zoo.specimen"].values()}


def number_of_keyed(client):
    return len(client.collections["zoo.keyed"])


class Long:
    """Turns that do not come before an event."""

    busy = True

    def __init__(self, event):
        self.next = event.wait


async def test_initial_documents_wait_for_a_client_that_does_not_read(hub, show, monkeypatch):
    monkeypatch.setattr(conf, "outbox_bytes", DOCUMENTS // 2)
    rows = [Specimen(text="x" * (DOCUMENTS // 20)) for _ in range(20)]
    await db(Specimen.objects.bulk_create, rows)
    show("q", Specimen.objects.only("text"))
    session = await opened(hub)
    blocked, room = asyncio.Event(), Outbox.room

    async def watched(outbox):
        if outbox.size > DOCUMENTS // 2:
            blocked.set()
        await room(outbox)

    monkeypatch.setattr(Outbox, "room", watched)
    for number in range(5):
        await send(session, msg="sub", id=str(number), name="Shown", params=["q"])
        await send(session, msg="unsub", id=str(number))
    await until(lambda: blocked.is_set() or session.session._worker is None)
    ready = 0
    while ready < 5:
        assert session.outbox.size < 2 * DOCUMENTS
        frames = await session.outbox.take()
        ready += sum(b'"ready"' in frame.data for frame in frames)
    session.close(*NORMAL_CLOSURE)


async def test_one_large_transaction_does_not_make_a_client_slow(hub, show, monkeypatch):
    monkeypatch.setattr(conf, "outbox_bytes", DOCUMENTS // 2)
    rows = [Specimen(text="x") for _ in range(conf.bulk_rows + 1)]
    await db(Specimen.objects.bulk_create, rows)
    show("q", Specimen.objects.only("text"))
    async with InProcess(hub) as reads:
        await reads.subscribe("Shown", "q")
        does_not = await opened(hub)
        await send(does_not, msg="sub", id="1", name="Shown", params=["q"])
        await until(lambda: does_not.outbox.size > 1000)
        for letter in "yz":
            assert not does_not.outbox.closed
            text = letter * (DOCUMENTS // 1000)
            await db(lambda text=text: Specimen.objects.update(text=text))
            await reads.wait_for(lambda text=text: texts(reads) == {text})
        assert does_not.outbox.close_code == 1013


async def test_changes_are_read_as_fast_as_they_can_go_out(hub, client, show):
    """While others have much to write, the change feed waits for its turn."""
    show("q", Keyed.objects.all())
    turn = asyncio.Event()
    hub.turns = Long(turn)
    other = Hub()
    await other.start()
    async with InProcess(other) as witness:
        for each in (client, witness):
            await each.subscribe("Shown", "q")
        await db(lambda: Keyed.objects.create(key="1"))
        for each in (client, witness):
            await each.wait_for(lambda each=each: number_of_keyed(each) == 1)
        await db(lambda: Keyed.objects.create(key="2"))
        await witness.wait_for(lambda: number_of_keyed(witness) == 2)
        assert number_of_keyed(client) == 1
        turn.set()
        await client.wait_for(lambda: number_of_keyed(client) == 2)
    await other.stop()


async def test_messages_that_wait_are_bounded_in_bytes(hub, method):
    may_end = threading.Event()

    @method
    def wait(_):
        return may_end.wait(20)

    session = await opened(hub)
    size = conf.max_message_bytes // 2
    for taken in range(100):
        message = send(session, msg="method", id=str(taken), method="wait", params=["x" * size])
        receiving = asyncio.create_task(message)
        await asyncio.sleep(0)
        if not receiving.done():
            break
    assert taken * size <= 2 * conf.max_message_bytes
    may_end.set()
    await receiving
    session.close(*NORMAL_CLOSURE)


async def test_who_waits_for_its_own_calls_is_not_taken_for_dead(hub, method, monkeypatch):
    """Its pongs are behind what is not read."""
    monkeypatch.setattr(conf, "heartbeat_interval", 0.02)
    monkeypatch.setattr(conf, "heartbeat_timeout", 0.02)
    monkeypatch.setattr(conf, "max_inbound_messages", 2)
    may_end = threading.Event()

    @method
    def wait():
        return may_end.wait(20)

    session = await opened(hub)
    calls = [send(session, msg="method", id=id, method="wait", params=[]) for id in "1234"]
    sending = asyncio.gather(*calls)
    pings = 0
    while pings < 5:
        frames = await session.outbox.take()
        assert frames is not None
        pings += sum(b'"ping"' in frame.data for frame in frames)
    may_end.set()
    session.close(*NORMAL_CLOSURE)
    await sending


async def test_a_call_of_a_client_that_goes_is_not_waited_for(hub, method):
    began, may_end = threading.Event(), threading.Event()

    @method
    def wait():
        began.set()
        return may_end.wait(20)

    session = await opened(hub)
    await send(session, msg="method", id="1", method="wait", params=[])
    await asyncio.to_thread(began.wait, 20)
    session.close(*NORMAL_CLOSURE)
    await until(lambda: not hub.fences.outstanding())
    may_end.set()


def random_message(rng, id):
    if rng.random() < 0.3:
        params = [rng.choice("abc"), rng.choice("aAx")]
        return {"msg": "method", "id": id, "method": "wire/put", "params": params}
    params = [rng.choice(["asked", "three", "wrong", "unknown"])]
    return {"msg": "sub", "id": id, "name": "Shown", "params": params}


async def test_clients_that_go_at_any_moment_leave_nothing_behind(hub, show):
    rng = random.Random(7)
    show("asked", Keyed.objects.filter(value__iexact="a"))
    show("three", Keyed.objects.all(), Keyed.objects.filter(value="x"), Ticket.objects.all())
    show("wrong", Keyed.objects.all(), Specimen.objects.annotate(x=Value(1) / Value(0)))
    before = len(asyncio.all_tasks())
    for client in range(100):
        session = await opened(hub)
        for number in range(rng.randint(1, 6)):
            await send(session, **random_message(rng, str(number)))
        if client < 50 and rng.random() < 0.1 and hub.ready:
            hub.listener._link.close(ListenerError("The test has cut it."))
        await asyncio.sleep(rng.random() * 0.03)
        session.close(*NORMAL_CLOSURE)
    await until(
        lambda: (
            hub.ready
            and len(asyncio.all_tasks()) <= before
            and not hub.fences.outstanding()
            and not hub.engine.queries
        )
    )
    assert hub.engine._tables._tables == {}
    assert not hub.sessions


def test_statements_as_long_as_clients_want_them_are_not_kept(db_project):
    def kept(number):
        books = Book.objects.annotate(size=Length("title")).filter(author__name__icontains="a")
        plan = plan_of(books.filter(pk__in=range(number)))
        owners = Owners(plan.member.batch)
        for query, name in enumerate("ab"):
            member = replace(plan.member, data=(f"%{name}%", *range(number)), data_key=(name,))
            owners.add(query, member)
        ask(owners.question(None, [0, 1]))
        return weakref.ref(plan.member.batch)

    long_ago = kept(number=500)
    types = len(catalog._result_types)
    kept(number=501)
    gc.collect()
    assert long_ago() is None
    assert len(catalog._result_types) == types
