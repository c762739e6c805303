"""What a transport needs of the session layer, as types: tests hand in their own."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Protocol

from dddp.protocol.frames import Frame
from dddp.session.info import ConnectionInfo


class Outbox(Protocol):
    """See `dddp.session.outbox.Outbox`."""

    close_code: int | None
    close_reason: str

    def take(self) -> Awaitable[list[Frame] | None]:
        """Frames to send; None when the connection shall be closed.

        [] when others get them from now on: look again at which outbox it is.
        """

    @property
    def is_long(self) -> bool:
        """So much waits that `take` has to be used."""

    def on_frames(self, callback: Callable[[], object]) -> None:
        """Name what to call, once, when there is something to take."""

    def take_now(self) -> list[Frame] | None:
        """Like `take`, without waiting: [] if there is nothing."""

    def stalled(self) -> None:
        """What was taken last cannot be written at present."""

    def flowing(self) -> None:
        """It is written."""

    def on_abort(self, callback: Callable[[], None]) -> None:
        """Name what to call when the client is given up on while a write may be stuck.

        It is called by who pushes, so it must end nothing itself.
        """


class Session(Protocol):
    """See `dddp.session.attachment.Attachment`."""

    @property
    def outbox(self) -> Outbox:
        """What waits to be sent to this client. It may be another one after each `receive`."""

    async def receive(self, data: str | bytes) -> None:
        """Take in one DDP message; waits while too many are unhandled."""

    def feed(self, data: str | bytes) -> bool:
        """Take in one DDP message; False if `room` has to be waited for before the next."""

    async def room(self) -> None:
        """Wait while too many messages are unhandled."""

    def lost(self) -> None:
        """The transport is gone; may be called again."""


class Hub(Protocol):
    """See `dddp.session.hub.Hub`."""

    @property
    def ready(self) -> bool:
        """True while changes reach this process."""

    @property
    def leaving(self) -> bool:
        """True once the server is about to stop."""

    def is_crowded(self, address: str) -> bool:
        """May this address have no more connections?"""

    async def start(self) -> None:
        """Connect to the change feed, once; raises DDPError with a sentence."""

    async def stop(self) -> None:
        """End all sessions."""

    def open(self, info: ConnectionInfo) -> Session:
        """A session for a new connection."""
