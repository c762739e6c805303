"""Runs a program: clients, writers and faults around a hub, and compares at quiet points.

Everything but `quiet` and `finish` only begins what it says, so that it runs at the same time as
what follows. What was done is kept as Python text, for whoever has to find out why.
"""

import asyncio
import contextlib
import logging
from concurrent.futures import ThreadPoolExecutor

from django.core.exceptions import ObjectDoesNotExist
from django.db import Error, connection, connections, transaction

from dddp.session.hub import Hub
from fuzz import oracle
from fuzz.domains import TABLES
from fuzz.writes import ROLLBACK, population
from tools.inprocess import InProcess, all_taken
from wild.language import evaluate

QUIET_SECONDS = 40
CLEAR = "SET session_replication_role = replica; {} SET session_replication_role = origin"
# The ORM's delete() looks for parents that another transaction may have deleted.
CONFLICTS = (Error, ObjectDoesNotExist)
EMPTIED = ("wild_beast_tags", *TABLES.values(), "auth_user")


class Rollback(Exception):
    pass


class Failure(AssertionError):
    """A client differs from the database; says what was done."""


class Thread:
    """A thread with a database connection, which does one thing after the other."""

    def __init__(self):
        self._pool = ThreadPoolExecutor(1)

    def begin(self, function, *args):
        """A future of its result."""
        return asyncio.wrap_future(self._pool.submit(function, *args))

    async def end(self):
        await self.begin(connections.close_all)
        self._pool.shutdown()


class Client(InProcess):
    """Attributes: wanted: subscription -> texts; asked: all subscriptions; user_id; calls."""

    def __init__(self, hub):
        super().__init__(hub)
        self.wanted = {}
        self.asked = set()
        self.user_id = None
        self.calls = 0

    @property
    def answered(self):
        calls = {str(number) for number in range(self.calls)}
        return self.asked <= self.ready | self.ended.keys() and calls <= self.updated


class Errors(logging.Handler):
    """What the package logs as errors, and exceptions that nobody has taken."""

    def __init__(self):
        super().__init__(logging.ERROR)
        self.found = []

    def emit(self, record):
        self.found.append(self.format(record))

    def unhandled(self, loop, context):
        self.found.append(f"{context['message']}: {context.get('exception')!r}")


class Fuzz:
    """Attributes: program: what was done so far; outcomes: how transactions ended."""

    def __init__(self, writers=3):
        self.program = []
        self.outcomes = []
        self._errors = Errors()
        self._clients = {}
        self._gone = []
        self._running = []
        self._writers = [Thread() for _ in range(writers)]
        self._checker = Thread()

    async def start(self):
        await self._checker.begin(clear)
        for writer in self._writers:
            await writer.begin(give_way)
        logging.getLogger("dddp").addHandler(self._errors)
        asyncio.get_running_loop().set_exception_handler(self._errors.unhandled)
        self.hub = Hub()
        self.hub.listener._sleep = lambda _: asyncio.sleep(0.005)
        self.hub.listener._jitter = lambda: 0.5  # Hypothesis minds who uses `random` meanwhile
        self._faults = Faults(self.hub)
        await self.hub.start()

    async def stop(self):
        for client in [*self._clients.values(), *self._gone]:
            await client.close()
        await asyncio.gather(*self._running, return_exceptions=True)
        await self.hub.stop()
        for thread in (*self._writers, self._checker):
            await thread.end()
        logging.getLogger("dddp").removeHandler(self._errors)

    async def populate(self, seed):
        """Begin with some rows."""
        self._note("populate", seed)
        await self._checker.begin(fill, seed)

    async def reason_against(self, text):
        """None, or why this queryset cannot be run."""
        return await self._checker.begin(reason_against, text)

    async def subscribe(self, client, name, *texts):
        """`client` is a number, `name` a new one, `texts` are of querysets."""
        self._note("subscribe", client, name, *texts)
        known = await self._client(client)
        known.wanted[name] = texts
        known.asked.add(name)
        await known.send({"msg": "sub", "id": name, "name": "Wild", "params": list(texts)})

    async def unsubscribe(self, client, name):
        known = self._clients.get(client)
        if known is not None and known.wanted.pop(name, None) is not None:
            self._note("unsubscribe", client, name)
            await known.send({"msg": "unsub", "id": name})

    async def login(self, client, user_id):
        """As this user, or out (None)."""
        self._note("login", client, user_id)
        known = await self._client(client)
        known.user_id = user_id
        known.calls += 1
        call = {"msg": "method", "id": str(known.calls - 1), "method": "be", "params": [user_id]}
        await known.send(call)

    async def _client(self, number):
        if number not in self._clients:
            self._clients[number] = Client(self.hub)
            await self._clients[number].__aenter__()
        return self._clients[number]

    async def leave(self, client):
        """Lose the connection of a client."""
        known = self._clients.pop(client, None)
        if known is not None:
            self._note("leave", client)
            self._gone.append(known)
            known.server.end()

    async def write(self, writer, program):
        """Have one of three connections run a transaction (fuzz.writes) after what it runs now."""
        self._note("write", writer, program)
        self._running.append(self._writers[writer].begin(run, program, self.outcomes))

    async def cut(self):
        """End the connection on which the hub listens."""
        link = self.hub.listener._link
        if link is not None:
            self._note("cut")
            self._running.append(self._checker.begin(terminate, link._pgconn.backend_pid))

    async def pause(self, milliseconds):
        self._note("pause", milliseconds)
        await asyncio.sleep(milliseconds / 1000)

    async def slow(self, before, after):
        """From now on statements of the hub wait this many milliseconds at their ends."""
        self._note("slow", before, after)
        self._faults.before, self._faults.after = before / 1000, after / 1000

    async def pieces(self, on):
        """From now on messages of the change feed come one by one."""
        self._note("pieces", on)
        self._faults.pieces = on

    async def quiet(self):
        """Wait until everything is done, and compare each client with the database."""
        self._note("quiet")
        try:
            async with asyncio.timeout(QUIET_SECONDS):
                await self._settle()
        except TimeoutError:
            self._fail([f"It is not quiet within {QUIET_SECONDS} seconds."])
        problems = list(self._errors.found)
        for number, client in self._clients.items():
            problems += [f"client {number}: {line}" for line in await self._problems(client)]
        for client in self._gone:
            problems += client.violations
        if problems:
            self._fail(problems)

    async def finish(self):
        """The last quiet point, and what must be left when all have gone: nothing."""
        await self.quiet()
        for client in list(self._clients):
            await self.leave(client)
        async with asyncio.timeout(QUIET_SECONDS):
            await self._settle()
            while self.hub.engine.queries:  # noqa: ASYNC110, there is no event for it
                await asyncio.sleep(0.01)  # what is being loaded ends by itself
        if self._errors.found or self.hub.sessions:
            self._fail([*self._errors.found, f"{len(self.hub.sessions)} sessions are left."])

    async def _settle(self):
        running, self._running = self._running, []
        await asyncio.gather(*running)
        for client in self._clients.values():
            while not client.answered and client.closed is None:
                async with client._news:
                    await client._news.wait()
        hub = self.hub
        fence = hub.fences.new()
        await self._checker.begin(notify, hub.fence_channel, fence.token)
        await hub.passed(fence)
        await hub.engine.settled(hub.engine.queries)
        await all_taken(hub)

    async def _problems(self, client):
        refused = [f"{id} was refused: {error}" for id, error in client.ended.items() if error]
        texts = {}
        for text in (text for texts in client.wanted.values() for text in texts):
            texts.setdefault(await self._checker.begin(oracle.identity, text), text)
        expected = await self._checker.begin(oracle.documents, list(texts.values()), client.user_id)
        # Beside the wild there is the user's own document, of dddp.accounts.
        seen = {name: rows for name, rows in client.collections.items() if rows and name != "users"}
        return [*client.violations, *refused, *oracle.differences(expected, seen)]

    def _note(self, name, *arguments):
        self.program.append(f"await fuzz.{name}({', '.join(map(repr, arguments))})")

    def _fail(self, problems):
        done = [f"    {line}" for line in self.program]
        raise Failure("\n".join([*problems, "", "async def test_that(fuzz):", *done]))


class Faults:
    """Makes a hub's statements slow, and its change feed come in pieces."""

    def __init__(self, hub):
        self.before = self.after = 0
        self.pieces = False
        self._messages = []
        self._loop = asyncio.get_running_loop()
        self._run, hub._query_threads.run = hub._query_threads.run, self._slowly
        self._on_batch, hub.listener._on_batch = hub.listener._on_batch, self._in_pieces
        self._on_lost, hub.listener._on_lost = hub.listener._on_lost, self._lost

    async def _slowly(self, function, *args):
        if self.before:
            await asyncio.sleep(self.before)
        result = await self._run(function, *args)
        if self.after:
            await asyncio.sleep(self.after)
        return result

    def _in_pieces(self, batch):
        if not self.pieces and not self._messages:
            self._on_batch(batch)
            return
        if not self._messages:
            self._loop.call_soon(self._next)
        self._messages += batch

    def _next(self):
        if self._messages:
            self._on_batch([self._messages.pop(0)])
        if self._messages:
            self._loop.call_soon(self._next)

    def _lost(self):
        self._messages.clear()
        self._on_lost()


def run(program, outcomes):
    """Run a transaction; a conflict with another rolls it back."""
    try:
        if isinstance(program, str):
            evaluate(program)
        else:
            with transaction.atomic():
                parts(program)
        outcomes.append("committed")
    except Rollback:
        outcomes.append("rolled back")
    except CONFLICTS as error:
        outcomes.append(type(error.__cause__ or error).__name__)


def parts(program):
    for part in program:
        if part == ROLLBACK:
            raise Rollback
        if isinstance(part, str):
            evaluate(part)
        else:
            with contextlib.suppress(Rollback, *CONFLICTS), transaction.atomic():
                parts(part)


def give_way():
    """A deadlock with a TRUNCATE ends this side's transaction, not the hub's statement."""
    with connection.cursor() as cursor:
        cursor.execute("SET deadlock_timeout = '20ms'")


def clear():
    statements = "".join(f"DELETE FROM {table};" for table in EMPTIED)
    with connection.cursor() as cursor:
        cursor.execute(CLEAR.format(statements))


def fill(seed):
    """Rows as `population(seed)` makes them; kept aside, since making them takes long."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET LOCAL session_replication_role = replica")
        cursor.execute("SELECT to_regnamespace(%s) IS NULL", [f"population_{seed}"])
        if cursor.fetchone()[0]:
            for statement in population(seed):
                evaluate(statement)
            cursor.execute(f"CREATE SCHEMA population_{seed}")
            for table in EMPTIED:
                cursor.execute(f"CREATE TABLE population_{seed}.{table} AS TABLE {table}")
        else:
            for table in EMPTIED:
                cursor.execute(f"INSERT INTO {table} TABLE population_{seed}.{table}")


def reason_against(text):
    try:
        list(oracle.queryset_of(text)[0])
    except Exception as error:
        return error
    return None


def notify(channel, token):
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_notify(%s, %s)", [channel, token])


def terminate(pid):
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_terminate_backend(%s)", [pid])
