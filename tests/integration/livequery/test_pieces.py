"""A transaction is told right however the network divides it, with writes nested in triggers."""

import asyncio
import random

import pytest
from django.db import connection, transaction

from tools.inprocess import InProcess, db, quiet, sql
from zoo.models import Keyed

ROUNDS = 25
NESTED_WRITES = """
CREATE FUNCTION nested_writes() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
  IF NEW.value = 'n' THEN UPDATE zoo_keyed SET value = 'a' WHERE key = NEW.key;
  ELSIF NEW.value = 'd' THEN DELETE FROM zoo_keyed WHERE key = NEW.key;
  ELSIF NEW.value = 'm' THEN UPDATE zoo_keyed SET value = 'b', key = NEW.key || 'm'
    WHERE key = NEW.key AND NOT EXISTS (SELECT FROM zoo_keyed WHERE key = NEW.key || 'm');
  END IF;
  RETURN NULL;
END $$;
CREATE TRIGGER nested_writes AFTER INSERT OR UPDATE ON zoo_keyed
  FOR EACH ROW EXECUTE FUNCTION nested_writes()
"""
QUERYSETS = {
    "all": Keyed.objects.all(),
    "a": Keyed.objects.filter(value="a"),
    "bc": Keyed.objects.filter(value__in=["b", "c"]),
    "not": Keyed.objects.exclude(value="a"),
    "asked": Keyed.objects.filter(value__iexact="A"),
}


def statement(rng):
    key, value, kind = rng.choice("123"), rng.choice("abcndm"), rng.random()
    if kind < 0.5:
        Keyed.objects.update_or_create(key=key, defaults={"value": value})
    elif kind < 0.7:
        Keyed.objects.filter(key=key).delete()
    elif kind < 0.85:
        Keyed.objects.filter(value=rng.choice("abc")).update(value=value)
    elif not Keyed.objects.filter(key=key).exists():
        with connection.cursor() as cursor:
            first = "(SELECT min(key) FROM zoo_keyed)"
            cursor.execute(f"UPDATE zoo_keyed SET key = %s WHERE key = {first}", [key])


def write(rng):
    for _ in range(15):
        with transaction.atomic():
            for _ in range(rng.randint(1, 5)):
                statement(rng)


def stored(queryset):
    return {key: {"value": value} for key, value in queryset.values_list("key", "value")}


@pytest.fixture
async def nested_writes(db_project):
    await sql(NESTED_WRITES)
    yield
    await sql("DROP FUNCTION nested_writes CASCADE")


@pytest.fixture
async def in_pieces(hub):
    """Every message comes in a read of its own, queries run in between."""
    messages = asyncio.Queue()

    def put_all(batch):
        for message in batch:
            messages.put_nowait(message)

    async def hand_on():
        rng = random.Random(5)
        while True:
            message = await messages.get()
            for _ in range(rng.choice([1, 1, 1, 50])):
                await asyncio.sleep(0)
            hub.engine.on_batch([message])

    hub.listener._on_batch = put_all
    task = asyncio.create_task(hand_on())
    yield
    task.cancel()


async def test_clients_end_equal_to_the_database(nested_writes, hub, in_pieces, show):
    rng = random.Random(5)
    for name, queryset in QUERYSETS.items():
        show(name, queryset)
    for number in range(ROUNDS):
        clients = {name: InProcess(hub) for name in QUERYSETS}
        writing = asyncio.create_task(db(write, random.Random(rng.random())))
        for name, client in clients.items():
            await client.__aenter__()
            await client.subscribe("Shown", name)
        await writing
        await quiet(hub)
        for name, client in clients.items():
            assert client.collections["zoo.keyed"] == await db(stored, QUERYSETS[name]), (
                number,
                name,
            )
            assert client.violations == []
            await client.close()
