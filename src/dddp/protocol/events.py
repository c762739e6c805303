"""What a client's message means to the server."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from dddp.protocol.frames import Frame


@dataclass(frozen=True, slots=True)
class Connected:
    """Versions agree; answer with `messages.connected`.

    Attributes:
        version: the DDP version both speak.
        resume_of: the session the client had before, if it says so.
        received_count: how many messages it received on that session (Meteor 3.5), or None.
    """

    version: str
    resume_of: str | None = None
    received_count: int | None = None


@dataclass(frozen=True, slots=True)
class Sub:
    """Subscribe."""

    id: str
    name: str
    params: list[Any]


@dataclass(frozen=True, slots=True)
class Unsub:
    """End a subscription; without an id, none."""

    id: str | None


@dataclass(frozen=True, slots=True)
class Method:
    """Call a method."""

    id: str
    method: str
    params: list[Any]
    random_seed: str | None = None


@dataclass(frozen=True, slots=True)
class Send:
    """Send a frame: behind all queued work, or at once."""

    frame: Frame
    queued: bool


@dataclass(frozen=True, slots=True)
class Close:
    """Close the connection once all frames are out."""

    code: int
    reason: str


@dataclass(frozen=True, slots=True)
class Disconnect:
    """The client is about to close the connection and will not come back for its session."""


Event = Connected | Sub | Unsub | Method | Send | Close | Disconnect
