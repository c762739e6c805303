"""One DDP connection's state: version negotiation, validation of messages, heartbeat.

Sources: the DDP 1 specification; where it is silent, Meteor 3's server. Two of the latter's
quirks are not copied: numeric ids are answered with "Bad request" instead of jamming the
session, and so is an empty subscription id with "Malformed subscription".
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from dddp.protocol import messages
from dddp.protocol.events import (
    Close,
    Connected,
    Disconnect,
    Event,
    Method,
    Send,
    Sub,
    Unsub,
)
from dddp.protocol.parsing import NotAMessage, parse

VERSIONS = ("1", "pre2", "pre1")
NORMAL_CLOSURE = (1000, "Normal closure")
MAX_SEED = 1000
"""Characters of a `randomSeed`; clients send 20. Streams are seeded with seconds of work a MB."""
Message = dict[str, Any]


class Connection:
    """Turns the texts a client sends into events. Never raises, whatever they hold.

    Args:
        now: seconds, monotonic, as all other times.
        interval: seconds of silence after which the client is pinged.
        timeout: seconds it then has to send anything.
    """

    def __init__(
        self,
        now: float,
        interval: float = 15.0,
        timeout: float = 15.0,
    ) -> None:
        self._interval = interval
        self._timeout = timeout
        self._heard = False
        self._pinged = False
        self._is_read = True
        self.version: str | None = None
        self.closed = False
        self.deadline: float | None = None
        """When `tick` is due; None while there is no heartbeat (before connect, and in pre1)."""

    def receive(self, data: str | bytes, now: float) -> list[Event]:
        """Take in one message."""
        if self.closed:
            return []
        self._heard = True
        if self._pinged:
            self._pinged = False
            self.deadline = now + self._interval
        try:
            return self._dispatch(parse(data), now)
        except NotAMessage:
            return [_reply("Bad request", queued=False)]
        except ValueError:
            return [_reply("Parse error", queued=False)]

    def tick(self, now: float, reads: bool = True) -> list[Event]:
        """Ping a silent client, or close the connection of one that stayed silent.

        Args:
            reads: what the client sends is read at present. Else its silence says nothing, nor does
                it before the next tick: what it has sent may be read only then.
        """
        if self.deadline is None or now < self.deadline or self.closed:
            return []
        was_read, self._is_read = self._is_read, reads
        if self._pinged and reads and was_read:
            self._end()
            return [Close(*NORMAL_CLOSURE)]
        heard, self._heard = self._heard, False
        if heard:
            self.deadline = now + self._interval
            return []
        self._pinged = True
        self.deadline = now + self._timeout
        return [Send(messages.ping(), queued=False)]

    def _dispatch(self, message: Any, now: float) -> list[Event]:
        if isinstance(message, list) or not message.get("msg"):
            return [_reply("Bad request", message, queued=False)]
        if message["msg"] == "connect" and self.version is None:
            return self._connect(message, now)
        if self.version is None:
            return [_reply("Must connect first", message, queued=False)]
        name = message["msg"]
        handler = HANDLERS.get(name) if isinstance(name, str) else None
        if handler is None or (self.version == "pre1" and name in ("ping", "pong")):
            return [_reply("Bad request", message)]
        return handler(self, message)

    def _connect(self, message: Message, now: float) -> list[Event]:
        version, support = message.get("version"), message.get("support")
        if not _is_offer(version, support):
            return self._fail(VERSIONS[0])
        best = next((each for each in support or () if each in VERSIONS), VERSIONS[0])
        if best != version:
            return self._fail(best)
        self.version = best
        if best != "pre1":
            self._heard = False
            self.deadline = now + self._interval
        return [_connected(best, message)]

    def _fail(self, version: str) -> list[Event]:
        self._end()
        return [Send(messages.failed(version), queued=False), Close(*NORMAL_CLOSURE)]

    def _end(self) -> None:
        self.closed = True
        self.deadline = None

    def _connect_again(self, message: Message) -> list[Event]:
        return [_reply("Already connected", message, queued=False)]

    def _sub(self, message: Message) -> list[Event]:
        id, name, params = message.get("id"), message.get("name"), message.get("params", [])
        if not (isinstance(id, str) and id and isinstance(name, str) and isinstance(params, list)):
            return [_reply("Malformed subscription", message)]
        return [Sub(id, name, params)]

    def _unsub(self, message: Message) -> list[Event]:
        id = message.get("id")
        return [Unsub(id) if id is None or isinstance(id, str) else _reply("Bad request", message)]

    def _method(self, message: Message) -> list[Event]:
        id, method, params = message.get("id"), message.get("method"), message.get("params", [])
        seed = message.get("randomSeed", "")
        valid = isinstance(id, str) and isinstance(method, str) and isinstance(params, list)
        if not (valid and isinstance(seed, str) and len(seed) <= MAX_SEED):
            return [_reply("Malformed method invocation", message)]
        return [Method(str(id), str(method), params, seed or None)]

    def _ping(self, message: Message) -> list[Event]:
        id = message.get("id")
        if id is not None and not isinstance(id, str):
            return [_reply("Bad request", message, queued=False)]
        return [Send(messages.pong(id), queued=False)]

    def _pong(self, message: Message) -> list[Event]:
        return []

    def _disconnect(self, message: Message) -> list[Event]:
        self._end()
        return [Disconnect()]


HANDLERS: dict[str, Callable[[Connection, Message], list[Event]]] = {
    "connect": Connection._connect_again,
    "sub": Connection._sub,
    "unsub": Connection._unsub,
    "method": Connection._method,
    "ping": Connection._ping,
    "pong": Connection._pong,
    "disconnect": Connection._disconnect,
}


def _is_offer(version: Any, support: Any) -> bool:
    if not isinstance(version, str) or not isinstance(support, list):
        return False
    return all(isinstance(each, str) for each in support) and version in support


def _connected(version: str, message: Message) -> Connected:
    session, count = message.get("session"), message.get("receivedCount")
    return Connected(
        version,
        session if isinstance(session, str) else None,
        count if type(count) is int else None,
    )


def _reply(reason: str, offending: Any = messages.MISSING, queued: bool = True) -> Send:
    return Send(messages.error(reason, offending), queued)
