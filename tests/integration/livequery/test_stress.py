"""Subscribing while others write: nothing lost, nothing twice, whatever the interleaving."""

import asyncio
import random
import threading

import pytest
from django.db import OperationalError, connection, transaction
from psycopg.errors import DeadlockDetected

from bookstore.models import Author, Book
from tools.inprocess import InProcess, db, quiet

pytestmark = pytest.mark.timeout(300)

ROUNDS = 60
CLIENTS = 6
SUBSCRIPTIONS = 8
WRITERS = 3


class Rollback(Exception):
    pass


class Writer(threading.Thread):
    """Commits and rolls back random transactions until told to stop."""

    def __init__(self, seed):
        super().__init__(daemon=True)
        self.random = random.Random(seed)
        self.stopped = threading.Event()
        self.error = None

    def run(self):
        try:
            while not self.stopped.is_set():
                self.transaction()
        except Exception as error:
            self.error = error
        finally:
            connection.close()

    def transaction(self):
        try:
            with transaction.atomic():
                for _ in range(self.random.randint(1, 4)):
                    self.statement()
                if self.random.random() < 0.2:
                    raise Rollback
        except Rollback:
            pass
        except OperationalError as error:
            if not isinstance(error.__cause__, DeadlockDetected):
                raise

    def statement(self):
        try:
            with transaction.atomic():
                self.random.choice(WRITES)(self.random)
                if self.random.random() < 0.1:
                    raise Rollback
        except Rollback:
            pass


def add(rng):
    Book.objects.create(
        title=f"t{rng.random()}", author_id=rng.randint(1, 5), pages=rng.randint(0, 9)
    )


def add_many(rng):
    Book.objects.bulk_create(
        Book(title=f"m{number}", author_id=rng.randint(1, 5), pages=rng.randint(0, 9))
        for number in range(rng.randint(2, 5))
    )


def change(rng):
    Book.objects.filter(pages=rng.randint(0, 9)).update(pages=rng.randint(0, 9))


def move(rng):
    Book.objects.filter(pages=rng.randint(0, 9)).update(author_id=rng.randint(1, 5))


def delete(rng):
    Book.objects.filter(pages=rng.randint(0, 9), author_id=rng.randint(1, 5)).delete()


WRITES = [add, add, add_many, change, move, delete]


def shape(book):
    return {"title": book.title, "author_id": str(book.author_id), "pages": book.pages}


def expected(email):
    return {str(book.pk): shape(book) for book in Book.objects.filter(author__email=email)}


def seen(client):
    return {
        key: {name: fields[name] for name in ("title", "author_id", "pages")}
        for key, fields in client.collections["bookstore.book"].items()
    }


async def come_and_go(client, rng):
    """Subscribe and unsubscribe at random; returns what is subscribed to in the end."""
    open_ = {}
    for _ in range(SUBSCRIPTIONS):
        await asyncio.sleep(rng.random() * 0.004)
        if open_ and rng.random() < 0.4:
            name = rng.choice(list(open_))
            await open_.pop(name).stop()
            continue
        name, shown = rng.choice(SHOWN)
        if name not in open_:
            open_[name] = await client.subscribe(*shown)
    return open_


SHOWN = [
    ("all", ("AllBooks",)),
    *[
        (f"author{number}", ("BooksByAuthorEmail", f"{number}@example.com"))
        for number in range(1, 6)
    ],
    *[(f"own{number}", ("Shown", f"own{number}")) for number in range(1, 6)],
    ("few", ("Shown", "few")),
]


def wanted(names):
    books = {}
    for name in names:
        if name == "all":
            queryset = Book.objects.all()
        elif name == "few":
            queryset = Book.objects.filter(pages__lt=4)
        else:
            queryset = Book.objects.filter(author_id=int(name[-1]))
        books |= {str(book.pk): shape(book) for book in queryset}
    return books


@pytest.fixture
def authors(db_project):
    from zoo.ddp import shown

    for number in range(1, 6):
        Author.objects.create(pk=number, name=f"A{number}", email=f"{number}@example.com")
        shown[f"own{number}"] = [Book.objects.filter(author_id=number)]
    shown["few"] = [Book.objects.filter(pages__lt=4)]
    yield
    shown.clear()


async def one_round(hub, seed):
    """Writers and clients at once, then silence, then the comparison."""
    writers = [Writer(seed * 100 + number) for number in range(WRITERS)]
    for writer in writers:
        writer.start()
    rng = random.Random(seed)
    clients = [InProcess(hub) for _ in range(CLIENTS)]
    for client in clients:
        await client.__aenter__()
    try:
        subscribed = await asyncio.gather(*(come_and_go(client, rng) for client in clients))
    finally:
        for writer in writers:
            writer.stopped.set()
        for writer in writers:
            await asyncio.to_thread(writer.join)
    assert [writer.error for writer in writers] == [None] * WRITERS
    await quiet(hub)
    for client, names in zip(clients, subscribed, strict=True):
        assert seen(client) == await db(wanted, names), f"seed {seed}: {list(names)}"
        assert client.violations == []
        await client.close()


async def test_subscribing_while_others_write(authors, hub):
    for seed in range(ROUNDS):
        await one_round(hub, seed)
        await db(Book.objects.all().delete)
    await quiet(hub)
    assert hub.engine.queries == []
