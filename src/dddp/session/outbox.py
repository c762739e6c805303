"""Frames on their way to one client, bounded in bytes and in time.

A client that stops reading must cost its own connection and nothing else: pushing never waits
and never fails. What goes over the bounds closes this outbox alone.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable

from dddp.protocol.frames import Frame

TOO_SLOW = (1013, "Client reads too slowly")

CHUNK = 256 * 1024


class Outbox:
    """A queue of frames with one reader, the transport's writer.

    Args:
        limit: bytes that may wait. Frames of initial data (`push_initial`) raise the bound until
            no more than the limit waits: a large first result is no sign of a slow client. Who
            pushes one waits for `room` before, so that there is one at a time.
        patience: seconds the transport may take to write one chunk (256 KiB) of frames.
        clock: seconds, monotonic.
    """

    __slots__ = (
        "_allowed",
        "_clock",
        "_frames",
        "_limit",
        "_on_abort",
        "_patience",
        "_roomy",
        "_taken_at",
        "_waiter",
        "_writing",
        "close_code",
        "close_reason",
        "size",
    )

    def __init__(self, limit: int, patience: float, clock: Callable[[], float]) -> None:
        self._frames: list[Frame] = []
        self._limit = self._allowed = limit
        self._patience = patience
        self._clock = clock
        self._taken_at = clock()
        self._waiter: asyncio.Future[None] | None = None
        self._on_abort: list[Callable[[], object]] = []
        self._writing = False
        self._roomy = asyncio.Event()
        self.size = 0
        self.close_code: int | None = None
        self.close_reason = ""

    @property
    def closed(self) -> bool:
        """True once nothing more will be accepted."""
        return self.close_code is not None

    def on_abort(self, callback: Callable[[], object]) -> None:
        """Have `callback()` called, too, if the client is given up on: a write may be stuck."""
        self._on_abort.append(callback)

    def push(self, frame: Frame) -> None:
        """Queue one frame; dropped when closed; closes the outbox when over its limit."""
        if self.close_code is not None:
            return
        self._frames.append(frame)
        self.size += len(frame.data)
        if self.size > self._allowed:
            self.abort(*TOO_SLOW)
        elif self._waiter is not None:
            self._wake()

    def push_all(self, frames: Iterable[Frame]) -> None:
        """Queue several frames in order."""
        for frame in frames:
            self.push(frame)

    def push_initial(self, frames: list[Frame]) -> None:
        """Queue the first documents of a subscription, whose size does not count as slowness."""
        self._allowed += sum(len(frame.data) for frame in frames)
        self.push_all(frames)

    def close(self, code: int, reason: str) -> None:
        """Accept nothing more; the reader gets what waits, then None."""
        if self.close_code is None:
            self.close_code, self.close_reason = code, reason
            self._roomy.set()
            self._wake()

    def abort(self, code: int, reason: str) -> None:
        """Close and drop what waits: the reader is not expected to get rid of it."""
        self._frames.clear()
        self.size = 0
        self.close(code, reason)
        for callback in self._on_abort:
            callback()

    def check(self) -> None:
        """Give up on the client when frames have waited longer than its patience."""
        if self._writing and self._clock() - self._taken_at > self._patience:
            self.abort(*TOO_SLOW)

    async def room(self) -> None:
        """Wait until no more than the limit waits, or nothing is accepted any more."""
        while self.size > self._limit and self.close_code is None:
            self._roomy.clear()
            await self._roomy.wait()

    async def take(self) -> list[Frame] | None:
        """Wait for frames; return a chunk of them, in order; None once closed and empty."""
        self._writing = False
        while not self._frames:
            if self.close_code is not None:
                return None
            self._waiter = asyncio.get_running_loop().create_future()
            try:
                await self._waiter
            finally:
                self._waiter = None
        self._writing = True
        self._taken_at = self._clock()
        frames = self._take_all() if self.size <= CHUNK else self._take_chunk()
        if self.size <= self._limit:
            self._allowed = self._limit
            self._roomy.set()
        return frames

    def _take_all(self) -> list[Frame]:
        frames, self._frames = self._frames, []
        self.size = 0
        return frames

    def _take_chunk(self) -> list[Frame]:
        count = size = 0
        while size < CHUNK and count < len(self._frames):
            size += len(self._frames[count].data)
            count += 1
        frames = self._frames[:count]
        del self._frames[:count]
        self.size -= size
        return frames

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)
