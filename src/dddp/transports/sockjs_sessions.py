"""DDP sessions that are fed by many HTTP requests, by the ids their clients chose.

A WebSocket's end is the end of its session. Here it is that no response has waited for messages
for `DDP_SOCKJS_DISCONNECT_DELAY`, or that the client left one: whether what had been written to
it arrived, nobody knows.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from django.utils.crypto import constant_time_compare

from dddp.conf import conf
from dddp.protocol import sockjs
from dddp.transports.framing import close_of
from dddp.transports.peers import Outbox, Session

INTERRUPTED = (1002, "Connection interrupted")

MAX_ENDED = 10_000
"""How many ended sessions are remembered, to tell clients that come again why."""


class HttpSession:
    """One SockJS session; at most one response at a time carries its messages.

    Args:
        session: what it feeds.
        owner: the browser session it was opened in, if any; only requests out of the same count.
        ended: called once with itself and the close frame.

    Attributes:
        opened: the client has been told.
        sending: held by the request whose messages are being taken in.
    """

    def __init__(
        self, session: Session, owner: str | None, ended: Callable[[HttpSession, str], None]
    ) -> None:
        self.opened = False
        self.sending = asyncio.Lock()
        self._session = session
        self._owner = owner
        self._ended = ended
        self._watched: Outbox | None = None
        self._stop_response: Callable[[tuple[int, str]], None] | None = None
        self._is_over = False
        self._timer: asyncio.TimerHandle | None = None
        self._wait_for_response()

    @property
    def outbox(self) -> Outbox:
        """What waits to be sent; ask again before each `take`, as it may become another."""
        outbox = self._session.outbox
        if outbox is not self._watched:
            self._watched = outbox
            outbox.on_abort(self._aborted)
        return outbox

    def is_of(self, owner: str | None) -> bool:
        """Whether a request out of this browser session may use it."""
        return self._owner is None or constant_time_compare(self._owner, owner or "")

    async def receive(self, message: str) -> None:
        """Take in one DDP message; waits while too many are unhandled."""
        if not self._is_over:
            await self._session.receive(message)

    def attach(self, stop: Callable[[tuple[int, str]], None]) -> bool:
        """Have a response carry the messages from now on; False if another does.

        Args:
            stop: called with code and reason if the response has to end with a close.
        """
        if self._stop_response is not None:
            return False
        self._stop_response = stop
        if self._timer is not None:
            self._timer.cancel()
        return True

    def detach(self) -> None:
        """The response is complete; the client will ask for the next one."""
        self._stop_response = None
        self._session.outbox.flowing()
        self._wait_for_response()

    def close(self, code: int, reason: str) -> None:
        """End it; a response that is open is told first."""
        if self._stop_response is not None:
            self._stop_response((code, reason))
        else:
            self.end(code, reason)

    def end(self, code: int, reason: str) -> None:
        """There is no response any more, and there shall be none with messages."""
        if self._is_over:
            return
        self._is_over = True
        if self._timer is not None:
            self._timer.cancel()
        self._session.lost()
        self._ended(self, sockjs.close_frame(code, reason))

    def _wait_for_response(self) -> None:
        delay = conf.sockjs_disconnect_delay
        self._timer = asyncio.get_running_loop().call_later(delay, self.end, *INTERRUPTED)

    def _aborted(self) -> None:
        """The client was given up on; without a response the next one hears of it."""
        if self._stop_response is not None:
            self._stop_response(close_of(self._session.outbox))


class Sessions:
    """Those of this process."""

    def __init__(self) -> None:
        self._open: dict[str, HttpSession] = {}
        self._ended: dict[str, tuple[float, str]] = {}

    @property
    def full(self) -> bool:
        """There must be no more (`DDP_SOCKJS_SESSIONS`)."""
        return len(self._open) >= int(conf.sockjs_sessions)

    def find(self, id: str) -> HttpSession | None:
        """The open session with this id."""
        return self._open.get(id)

    def close_frame(self, id: str) -> str | None:
        """How the session with this id has ended, for a while."""
        self._forget_old()
        found = self._ended.get(id)
        return None if found is None else found[1]

    def open(self, id: str, session: Session, owner: str | None) -> HttpSession:
        """Begin a session; there must be none with this id."""
        opened = self._open[id] = HttpSession(
            session, owner, lambda _, frame: self._remember(id, frame)
        )
        return opened

    def _remember(self, id: str, frame: str) -> None:
        del self._open[id]
        self._forget_old()
        if len(self._ended) >= MAX_ENDED:
            del self._ended[next(iter(self._ended))]
        until = asyncio.get_running_loop().time() + conf.sockjs_disconnect_delay
        self._ended[id] = (until, frame)

    def _forget_old(self) -> None:
        now = asyncio.get_running_loop().time()
        while self._ended:
            id, (until, _) = next(iter(self._ended.items()))
            if until > now:
                break
            del self._ended[id]
