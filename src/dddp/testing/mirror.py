"""What a client makes of a server's messages, and what it would stumble over. Without I/O."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable
from typing import Any

import msgspec

from dddp import ejson
from dddp.protocol.messages import id_from_wire

Message = dict[str, Any]


class Mirror:
    """The documents, subscriptions and method calls of one client as it sees them.

    Attributes:
        collections: name -> id -> fields.
        messages: every message received, in order.
        violations: a sentence for each message that no DDP server may send there: `added` for a
            document the client has, `updated` for a call it did not make, ...
        session: the id of the session once there is one.
        received: how many messages have come in this session, but for pings and pongs.
        ready: ids of subscriptions that were ready.
        ended: ids of subscriptions that got `nosub`, with their error or None.
        results: id of a call -> its `result` message, decoded.
        updated: ids of calls whose writes have arrived.
    """

    def __init__(self) -> None:
        self.collections: defaultdict[str, dict[str, Message]] = defaultdict(dict)
        self.messages: list[Message] = []
        self.violations: list[str] = []
        self.session: str | None = None
        self.received = 0
        self.ready: set[str] = set()
        self.ended: dict[str, Message | None] = {}
        self.results: dict[str, Message] = {}
        self.updated: set[str] = set()
        self._unanswered: Counter[str] = Counter()
        self._unwritten: Counter[str] = Counter()
        self._asked: dict[tuple[str, str], Message] = {}
        self._may_connect = True

    def sent(self, message: Message) -> None:
        """Note what the client sends."""
        kind, id = message.get("msg"), message.get("id")
        if kind not in ("method", "sub", "unsub") or not isinstance(id, str):
            return
        self._asked.setdefault((kind, id), message)
        if kind == "method":
            self._unanswered[id] += 1
            self._unwritten[id] += 1
        elif kind == "unsub":
            self._asked.pop(("sub", id), None)

    def reconnecting(self) -> tuple[Message, list[Message]]:
        """The connection is lost; what to say on a new one, where a `connected` may come again.

        Returns:
            What goes into `connect` to resume the session, and what to send again behind it
            without waiting for an answer: all subscriptions, calls without a result and `unsub`s
            without an answer, in the order in which they were sent first.
        """
        self._may_connect = True
        resume = {"session": self.session, "receivedCount": self.received} if self.session else {}
        return resume, list(self._asked.values())

    def receive(self, text: str) -> Message:
        """Take in a server's message; returns it parsed, or {} if it is none."""
        try:
            message = msgspec.json.decode(text, type=dict)
            self.messages.append(message)
            self.received += message["msg"] not in ("ping", "pong")
            if not self.session and message["msg"] not in ("connected", "failed", "error"):
                self._violation("something before connected", message)
            handler = HANDLERS.get(message["msg"])
            if handler is None:
                self._violation("an unknown message", message)
            else:
                handler(self, message)
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            self._violation(f"a malformed message ({error!r})", text)
            return {}
        return message

    def _violation(self, what: str, message: Any) -> None:
        self.violations.append(f"{what}: {message}")

    def _connected(self, message: Message) -> None:
        if not self._may_connect:
            self._violation("connected twice", message)
        self._may_connect = False
        before, self.session = self.session, message["session"]
        if before not in (None, self.session):
            self._start_anew()

    def _start_anew(self) -> None:
        """Of another session nothing is known but what has been sent again."""
        self.received = 1
        self.collections.clear()
        self.ready.clear()
        self.updated.update(self.results)
        calls = [id for kind, id in self._asked if kind == "method"]
        self._unanswered, self._unwritten = Counter(calls), Counter(calls)

    def _ready(self, message: Message) -> None:
        self.ready.update(message["subs"])

    def _nosub(self, message: Message) -> None:
        id = message.get("id", "")
        self.ended[id] = message.get("error")
        self._asked.pop(("sub", id), None)
        self._asked.pop(("unsub", id), None)

    def _result(self, message: Message) -> None:
        if "result" in message:
            message = {**message, "result": ejson.from_json(message["result"])}
        self._settle(self._unanswered, message["id"], message)
        self._asked.pop(("method", message["id"]), None)
        self.results[message["id"]] = message

    def _updated(self, message: Message) -> None:
        for id in message["methods"]:
            self._settle(self._unwritten, id, message)
            self.updated.add(id)

    def _settle(self, open_calls: Counter[str], id: str, message: Message) -> None:
        if not open_calls[id]:
            self._violation("an answer to no call", message)
        else:
            open_calls[id] -= 1

    def _added(self, message: Message) -> None:
        documents, id = self._place(message)
        if id in documents:
            self._violation("added for a known document", message)
        documents[id] = ejson.from_json(message.get("fields", {}))

    def _changed(self, message: Message) -> None:
        documents, id = self._place(message)
        if id not in documents:
            self._violation("changed for an unknown document", message)
            return
        if "fields" not in message and "cleared" not in message:
            self._violation("changed without a change", message)
        documents[id].update(ejson.from_json(message.get("fields", {})))
        for name in message.get("cleared", ()):
            documents[id].pop(name, None)

    def _removed(self, message: Message) -> None:
        documents, id = self._place(message)
        if documents.pop(id, None) is None:
            self._violation("removed for an unknown document", message)

    def _place(self, message: Message) -> tuple[dict[str, Message], str]:
        return self.collections[message["collection"]], id_from_wire(message["id"])

    def _nothing(self, message: Message) -> None:
        pass


HANDLERS: dict[str, Callable[[Mirror, Message], None]] = {
    "connected": Mirror._connected,
    "failed": Mirror._nothing,
    "error": Mirror._nothing,
    "ping": Mirror._nothing,
    "pong": Mirror._nothing,
    "ready": Mirror._ready,
    "nosub": Mirror._nosub,
    "result": Mirror._result,
    "updated": Mirror._updated,
    "added": Mirror._added,
    "changed": Mirror._changed,
    "removed": Mirror._removed,
}
