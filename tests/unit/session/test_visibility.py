"""What clients are told when live queries change: the merge box without copies."""

import json

import msgspec
import pytest

from dddp.livequery.document import OpenShape, PublishedField, Shape
from dddp.livequery.plan import Loaded
from dddp.livequery.query import LiveQuery
from dddp.session import visibility
from dddp.session.batch import Batch
from dddp.session.initial import Kept
from dddp.session.visibility import MANY, View, deliver


class Plan:
    condition = None

    def __init__(self, shape):
        self.shape = shape


class Client:
    """A view whose messages are applied as a strict client would."""

    def __init__(self):
        self.messages = []
        self.documents = {}
        self.view = View(self)

    def push_all(self, frames):
        for frame in frames.frames if isinstance(frames, Batch) else frames:
            self.receive(json.loads(frame.data))

    push_initial = push_all

    def receive(self, message):
        self.messages.append(message)
        key = (message["collection"], message["id"])
        if message["msg"] == "added":
            assert key not in self.documents
            self.documents[key] = message.get("fields", {})
        elif message["msg"] == "removed":
            del self.documents[key]
        else:
            assert message.get("fields") or message.get("cleared")
            self.documents[key] |= message.get("fields", {})
            for name in message.get("cleared", ()):
                del self.documents[key][name]

    def kinds(self):
        kinds = [message["msg"] for message in self.messages]
        self.messages.clear()
        return kinds


def query(*names, collection="books", **documents):
    fields = tuple(PublishedField(name, name, msgspec.json.encode) for name in names)
    live = LiveQuery(Plan(Shape(collection, "id", fields)))
    live.documents = {identity(key): encoded(live, values) for key, values in documents.items()}
    return live


def identity(key):
    return json.dumps(key).encode()


def encoded(live, values):
    return None if values is None else live.shape.from_values(values)


def change(*moves):
    """Apply [(query, key, new values or None), ...] as one transaction and deliver it."""
    effects = {}
    for live, key, values in moves:
        before, after = live.documents.get(identity(key)), encoded(live, values)
        if after is None:
            live.documents.pop(identity(key), None)
        else:
            live.documents[identity(key)] = after
        effects.setdefault(live, {})[identity(key)] = (before, after)
    deliver(effects)


def test_joining_adds_and_leaving_removes():
    client, books = Client(), query("title", a=["Emma"], b=["Ulysses"])
    client.view.join(books)
    assert client.documents[("books", "a")] == {"title": "Emma"}
    client.view.leave(books)
    assert client.kinds() == ["added", "added", "removed", "removed"]
    assert not books.subscribers


def test_a_query_joined_twice_is_left_with_the_second_leaving():
    client, books = Client(), query("title", a=["Emma"])
    client.view.join(books)
    client.view.join(books)
    client.view.leave(books)
    assert client.kinds() == ["added"]
    client.view.leave(books)
    assert client.kinds() == ["removed"]


def test_changed_carries_only_what_changed():
    client, books = Client(), query("title", "pages", a=["Emma", 1])
    client.view.join(books)
    change((books, "a", ["Emma", 2]))
    assert client.messages[-1] == {
        "msg": "changed",
        "collection": "books",
        "id": "a",
        "fields": {"pages": 2},
    }


def test_everyone_gets_the_very_same_frame():
    frames = []

    class Sink:
        push_all = push_initial = staticmethod(lambda pushed: frames.append(list(pushed)))

    books = query("title")
    for _ in range(2):
        View(Sink()).join(books)
    frames.clear()
    change((books, "a", ["Emma"]))
    assert frames[0][0] is frames[1][0]


def test_many_documents_are_removed_little_by_little():
    """Frames that nobody has taken are not built: that would hold everyone up."""
    pushed = []

    class Sink:
        push_all = push_initial = staticmethod(pushed.append)

    books = query("title", **{f"b{number}": ["Emma"] for number in range(MANY + 1)})
    view = View(Sink())
    view.join(books)
    view.leave(books)
    added, removed = pushed
    assert isinstance(removed, Batch)
    ids = [[json.loads(frame.data)["id"] for frame in batch.frames] for batch in (added, removed)]
    assert ids[0] == ids[1]


def test_a_document_in_two_queries_is_added_once_and_removed_with_the_last():
    client = Client()
    first, second = query("title", a=["Emma"]), query("title", a=["Emma"])
    client.view.join(first)
    client.view.join(second)
    assert client.kinds() == ["added"]
    client.view.leave(first)
    assert client.kinds() == []
    client.view.leave(second)
    assert client.kinds() == ["removed"]


def test_fields_are_the_union_and_go_with_their_query():
    client = Client()
    titles, pages = query("title", a=["Emma"]), query("pages", a=[9])
    client.view.join(titles)
    client.view.join(pages)
    assert client.documents[("books", "a")] == {"title": "Emma", "pages": 9}
    client.view.leave(titles)
    assert client.documents[("books", "a")] == {"pages": 9}
    assert client.kinds() == ["added", "changed", "changed"]


def test_one_transaction_seen_by_two_queries_is_told_once():
    client = Client()
    first, second = query("title", a=["Emma"]), query("title", a=["Emma"])
    client.view.join(first)
    client.view.join(second)
    client.kinds()
    change((first, "a", ["Emma 2"]), (second, "a", ["Emma 2"]))
    assert client.kinds() == ["changed"]
    assert client.documents[("books", "a")] == {"title": "Emma 2"}


def test_moving_from_one_query_to_another_does_not_flicker():
    client = Client()
    left, right = query("title", a=["Emma"]), query("title")
    client.view.join(left)
    client.view.join(right)
    client.kinds()
    change((left, "a", None), (right, "a", ["Emma"]))
    assert client.kinds() == []


def test_where_two_queries_differ_the_first_joined_gives_the_value():
    client = Client()
    fresh, stale = query("title", a=["new"]), query("title", a=["old"])
    client.view.join(fresh)
    client.view.join(stale)
    assert client.documents[("books", "a")] == {"title": "new"}
    change((stale, "a", ["newer"]))
    assert client.documents[("books", "a")] == {"title": "new"}
    client.view.leave(fresh)
    assert client.documents[("books", "a")] == {"title": "newer"}


def test_equal_ids_in_other_collections_do_not_mix():
    client = Client()
    books = query("title", a=["Emma"])
    authors = query("name", collection="authors", a=["Jane"])
    client.view.join(books)
    client.view.join(authors)
    client.view.leave(books)
    assert client.documents == {("authors", "a"): {"name": "Jane"}}


def test_forgetting_says_nothing():
    client, books = Client(), query("title", a=["Emma"])
    client.view.join(books)
    client.kinds()
    client.view.forget(books)
    change((books, "a", None))
    assert client.kinds() == []


def open_query(collection="books", **documents):
    shape = OpenShape(collection)
    live = LiveQuery(Plan(shape))
    live.documents = {identity(key): shape.from_mapping(each) for key, each in documents.items()}
    return live


def open_change(live, key, fields):
    after = live.shape.from_mapping(fields)
    before, live.documents[identity(key)] = live.documents[identity(key)], after
    deliver({live: {identity(key): (before, after)}})


def test_documents_whose_fields_come_and_go():
    client, books = Client(), open_query(a={"title": "Emma", "pages": 1})
    client.view.join(books)
    open_change(books, "a", {"title": "Emma", "price": 2})
    assert client.messages[-1]["fields"] == {"price": 2}
    assert client.messages[-1]["cleared"] == ["pages"]
    assert client.documents[("books", "a")] == {"title": "Emma", "price": 2}


def test_the_same_fields_in_another_order_are_no_change():
    client, books = Client(), open_query(a={"title": "Emma", "pages": 1})
    client.view.join(books)
    client.kinds()
    open_change(books, "a", {"pages": 1, "title": "Emma"})
    assert client.kinds() == []


def test_fields_of_both_kinds_of_document_are_merged():
    client = Client()
    rows, extra = query("title", a=["Emma"]), open_query(a={"title": "x", "price": 2})
    client.view.join(rows)
    client.view.join(extra)
    assert client.documents[("books", "a")] == {"title": "Emma", "price": 2}
    open_change(extra, "a", {})
    assert client.documents[("books", "a")] == {"title": "Emma"}


def test_becoming_tells_the_difference_only():
    client = Client()
    old, kept = query("title", a=["Emma"], b=["Ulysses"]), query("name", collection="authors")
    new = query("title", "pages", b=["Ulysses", 3], c=["Walden", 4])
    client.view.join(old)
    client.view.join(kept)
    client.kinds()
    client.view.become([kept, new])
    assert client.kinds() == ["removed", "changed", "added"]
    assert client.documents == {
        ("books", "b"): {"title": "Ulysses", "pages": 3},
        ("books", "c"): {"title": "Walden", "pages": 4},
    }
    assert not old.subscribers
    change((new, "b", None), (kept, "x", ["Jane"]))
    assert client.kinds() == ["removed", "added"]


def test_becoming_what_it_is_says_nothing():
    client, books = Client(), query("title", a=["Emma"])
    client.view.join(books)
    client.view.join(books)
    client.kinds()
    client.view.become([books])
    assert client.kinds() == []
    client.view.leave(books)
    assert client.kinds() == ["removed"]


def test_listeners_hear_of_changes():
    heard, books = [], query("title", a=["Emma"])
    books.listeners.append(heard.append)
    change((books, "a", None))
    assert heard == [{identity("a"): (b'{"title":"Emma"}', None)}]


def test_a_client_that_a_listener_sends_away_does_not_keep_others_from_hearing():
    client, other = Client(), Client()
    first, second = query("title", a=["Emma"]), query("title", a=["Emma"])
    login = query("id", collection="tokens", t=[1])
    for each in (client, other):
        each.view.join(first)
        each.view.join(second)
        each.kinds()

    def log_out(_changes):
        client.view.forget(first)
        client.view.forget(second)

    login.listeners.append(log_out)
    change((first, "a", None), (login, "t", None), (second, "a", None))
    assert other.kinds() == ["removed"]
    assert client.kinds() == []


def test_frames_are_built_once_for_all_who_join_while_nothing_changes():
    books = query("title", **{f"b{number}": ["Emma"] for number in range(3)})
    taken = []
    for _ in range(3):
        view = View(Recorder(taken))
        view.join(books)
    first, second, third = taken
    assert [frame.data for frame in first] == [frame.data for frame in second]
    assert all(one is other for one, other in zip(second, third, strict=True))


def test_who_joins_after_a_change_is_told_of_it():
    books = query("title", a=["Emma"])

    def documents(title):
        return {identity("a"): encoded(books, [title])}

    ways = {
        "Emma": lambda _: None,
        "Persuasion": books.move,
        "Sanditon": books.replace,
        "Evelina": lambda documents: books.load(Loaded(None, documents)),
    }
    for title, put in ways.items():
        put(documents(title))
        clients = [Client() for _ in range(3)]
        for client in clients:
            client.view.join(books)
        assert [each.documents[("books", "a")] for each in clients] == [{"title": title}] * 3


def test_many_documents_are_told_to_several_who_take_them_at_different_times():
    documents = {f"b{number}": ["Emma"] for number in range(MANY + 1)}
    books = query("title", **documents)
    taken = []
    for _ in range(3):
        View(Recorder(taken)).join(books)
    assert [len(list(each.frames)) for each in taken] == [MANY + 1] * 3


@pytest.mark.parametrize("number", [5, MANY + 1])
def test_more_documents_than_are_kept_are_told_to_everybody(monkeypatch, number):
    monkeypatch.setattr(visibility, "KEPT", Kept(1000))
    books = query("title", **{f"b{place}": ["E" * 200] for place in range(number)})
    clients = [Client() for _ in range(3)]
    for client in clients:
        client.view.join(books)
    assert [len(client.documents) for client in clients] == [number] * 3


class Recorder:
    def __init__(self, taken):
        self.push_initial = self.push_all = taken.append
