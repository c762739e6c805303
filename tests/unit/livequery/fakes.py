"""Stand-ins for the change feed and the database around a real `Engine`."""

import asyncio
from dataclasses import dataclass, field

import msgspec

from dddp.changefeed.payload import TableChange
from dddp.changefeed.snapshot import Snapshot
from dddp.livequery.document import PublishedField, Shape, encode_id
from dddp.livequery.engine import Engine
from dddp.livequery.plan import Loaded, Member, Source
from dddp.livequery.predicates import Condition, always, one_of
from dddp.livequery.questions import Answer, Found
from dddp.livequery.values import COMPARABLES

BOOKS = "bookstore_book"
SHAPE = Shape(
    "bookstore.book",
    "id",
    (
        PublishedField("title", "title", msgspec.json.encode),
        PublishedField("author_id", "author_id", msgspec.json.encode),
    ),
)


def book(pk, title="Emma", author_id=1):
    return {"id": pk, "title": title, "author_id": author_id}


@dataclass(eq=False)
class FakePlan:
    key: object
    condition: Condition | None
    tables: frozenset[str] = frozenset([BOOKS])
    table: str = BOOKS
    shape: Shape = SHAPE
    member: Member | None = None
    sources: tuple[Source, ...] = ()
    technique: str = "asked in a test"


def everything():
    return FakePlan("everything", Condition(always, (), frozenset()))


def by_author(author_id):
    convert = COMPARABLES["int4"].from_image
    return FakePlan(("author", author_id), one_of("author_id", convert, frozenset([author_id])))


def asking(*tables):
    return FakePlan(("asking", tables), None, frozenset(tables))


@dataclass(eq=False)
class FakeBatch:
    key: object
    keyed: bool = True
    terms: tuple = ()


def asked_together():
    """A plan whose query is asked with others about the documents that changed rows are."""
    source = Source(BOOKS, None, "id", ())
    member = Member(FakeBatch("together"), (), (), ())
    return FakePlan("together", None, member=member, sources=(source,))


@dataclass
class World:
    """An engine, the rows its database holds, and what it told its subscribers."""

    rows: list = field(default_factory=list)
    snapshot: str = "100:100:"
    live: bool = True
    listened: list = field(default_factory=list)
    runs: int = 0
    asked: int = 0
    told: list = field(default_factory=list)
    fences: list = field(default_factory=list)

    def __post_init__(self):
        self.may_answer = asyncio.Semaphore(0)
        self.may_run = asyncio.Event()
        self.may_run.set()
        self.running = asyncio.Event()
        self.engine = Engine(
            feed=self,
            run=self.run,
            ask=self.ask,
            deliver=self.told.append,
            on_fence=self.fences.append,
            pending_rows=100,
            transaction_rows=10,
        )

    async def listen(self, table):
        self.listened.append(table)

    async def run(self, plan):
        self.runs += 1
        self.running.set()
        snapshot, rows = self.snapshot, list(self.rows)
        await self.may_run.wait()
        if plan.condition is not None:
            rows = [row for row in rows if plan.condition.test(row)]
        documents = {encode_id(row["id"]): SHAPE.from_image(row) for row in rows}
        return Loaded(Snapshot.parse(snapshot), documents)

    async def ask(self, question):
        self.asked += 1
        await self.may_answer.acquire()
        ids = {encode_id(value) for _, values in question.starts for value in values}
        found = [
            Found(encode_id(row["id"]), SHAPE.from_image(row), [(0,)])
            for row in self.rows
            if encode_id(row["id"]) in ids
        ]
        return Answer(Snapshot.parse(self.snapshot), list(ids), found)

    def change(self, xid, operation, *rows, table=BOOKS):
        return TableChange(xid, table, operation, [list(row) for row in rows])

    def bulk(self, xid, operation="U", table=BOOKS):
        return TableChange(xid, table, operation, None)

    def commit(self, *changes):
        self.engine.on_batch(list(changes))


def titles(query):
    """id -> title of the documents of a live query."""
    return {
        msgspec.json.decode(identity): msgspec.json.decode(values)["title"]
        for identity, values in query.documents.items()
    }
