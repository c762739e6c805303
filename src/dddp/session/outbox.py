"""Frames on their way to one client, bounded in bytes and in time.

A client that stops reading must cost its own connection and nothing else: pushing never waits
and never fails. What goes over the bounds closes this outbox alone.

How much memory that is: at most the limit, and on top of it one push of any size (one
transaction, say) that came while no more than the limit waited, and the first documents of one
subscription. So nobody who reads is given up for one large transaction; who does not read is,
when more comes or its patience ends. Frames are shared: pushed to many clients, they exist once.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from itertools import islice

from dddp.protocol.frames import Frame
from dddp.session.batch import Batch, listed
from dddp.session.gate import Gate

TOO_SLOW = (1013, "Client reads too slowly")
TOO_LONG_AWAY = (1013, "Too many messages for a client that is away")

CHUNK = 64 * 1024
CHUNK_FRAMES = 64
"""Writing one takes a server about 20 us."""
FEW_FRAMES = 8


async def _at_once() -> None:
    """No turn is waited for."""


class Outbox:
    """A queue of frames with one reader at a time, a transport's writer.

    A session that outlives its connection is `held` without a reader, and then handed over to the
    next one, which is sent what waits.

    It waits in `take`, or is called when there is something (`on_frames`) and asks `take_now`.

    Args:
        limit: bytes that may wait. A push to a client with no more than that waiting raises the
            bound by its own size if need be, until no more than the limit waits. Frames of
            initial data (`push_initial`) always do: who pushes them waits for `room` before, so
            that there are those of one subscription at a time.
        patience: seconds the transport may take to write one chunk (64 KiB or 64 frames).
        clock: seconds, monotonic.
        turn: waited for before each chunk of more than a few frames.

    Attributes:
        sent: how many messages have been taken, but for pings and pongs (Meteor 3.5).
    """

    __slots__ = (
        "_ahead",
        "_allowed",
        "_batches",
        "_clock",
        "_first",
        "_frames",
        "_held",
        "_limit",
        "_news",
        "_on_abort",
        "_patience",
        "_reader",
        "_roomy",
        "_taken_at",
        "_turn",
        "_waiter",
        "_writing",
        "close_code",
        "close_reason",
        "sent",
        "size",
    )

    def __init__(
        self,
        limit: int,
        patience: float,
        clock: Callable[[], float],
        turn: Callable[[], Awaitable[None]] = _at_once,
    ) -> None:
        self._first: Frame | None = None
        self._ahead: list[Frame] = []
        self._batches: list[Batch] = []
        self._frames: list[Frame] = []
        """Behind all batches."""
        self._limit = self._allowed = limit
        self._patience = patience
        self._clock = clock
        self._turn = turn
        self._taken_at = clock()
        self._waiter: asyncio.Future[None] | None = None
        self._news: Callable[[], object] | None = None
        self._on_abort: list[Callable[[], object]] = []
        self._writing = False
        self._roomy = Gate()
        self._reader = 0
        self._held: int | None = None
        """How many frames more may come while there is no reader."""
        self.size = 0
        self.sent = 0
        self.close_code: int | None = None
        self.close_reason = ""

    @property
    def closed(self) -> bool:
        """True once nothing more will be accepted."""
        return self.close_code is not None

    def on_abort(self, callback: Callable[[], object]) -> None:
        """Have `callback()` called, too, if the reader shall stop at once: it may be stuck."""
        self._on_abort.append(callback)

    def on_frames(self, callback: Callable[[], object]) -> None:
        """Have `callback()` called once, when there is something to take or to be closed.

        At once if there is; else by who pushes, so it must be short.
        """
        self._news = callback
        if (
            self._first
            or self._frames
            or self._batches
            or self._ahead
            or self.close_code is not None
        ):
            self._wake()

    def hand_over(self) -> None:
        """End the present reader: its `take` gives [] and its callbacks are not called any more."""
        self._reader += 1
        self._writing = False
        self._on_abort = []
        self._wake()

    def dismiss(self) -> None:
        """Hand over from a reader that shall stop: what it has taken may be stuck."""
        callbacks = self._on_abort
        self.hand_over()
        for callback in callbacks:
            callback()

    def hold(self, frames: int) -> None:
        """There is no reader: drop what is of the last one only, and close when too many come."""
        self._held = frames
        self._first = None
        self._ahead, self._frames = _counted(self._ahead), _counted(self._frames)
        self.size = sum([batch.size for batch in self._batches])
        self.size += _size(self._ahead) + _size(self._frames)

    def release(self, first: Frame) -> None:
        """There is a reader again, which is given `first` before all that waits."""
        self._held = None
        self._first = first

    def waiting(self) -> Iterator[Frame]:
        """What has not been taken, but for documents of which there are many, in any order."""
        yield from self._ahead
        for batch in self._batches:
            yield from batch.rest
        yield from self._frames

    def push(self, frame: Frame) -> None:
        """Queue one frame; dropped when closed; closes the outbox when over its limit."""
        # Called for each client of each change: the common case comes first.
        if self.close_code is not None:
            return
        size = self.size + len(frame.data)
        if size <= self._limit and self._held is None:
            self.size = size
        elif not self._admits(len(frame.data), 1):
            return
        self._frames.append(frame)
        if self._news is not None:
            news, self._news = self._news, None
            news()
        elif self._waiter is not None:
            self._wake()

    def push_ahead(self, frame: Frame) -> None:
        """Queue one frame, ahead of a long queue: a heartbeat must not come too late."""
        if not self.is_long:
            self.push(frame)
        elif self.close_code is None and self._admits(len(frame.data), 1):
            self._ahead.append(frame)
            self._wake()

    def push_all(self, frames: list[Frame] | Batch) -> None:
        """Queue several frames in order, as one push."""
        if isinstance(frames, list) and len(frames) == 1:
            self.push(frames[0])
        elif self.close_code is None and self._admits(_size(frames), _number(frames)):
            self._add(frames)

    def push_initial(self, frames: list[Frame] | Batch) -> None:
        """Queue the first documents of a subscription, whose size does not count as slowness."""
        if self.close_code is None and self._may_wait(_number(frames)):
            size = _size(frames)
            self._allowed += size
            self.size += size
            self._add(frames)

    def close(self, code: int, reason: str) -> None:
        """Accept nothing more; the reader gets what waits, then None."""
        if self.close_code is None:
            self.close_code, self.close_reason = code, reason
            self._roomy.open()
            self._wake()

    def abort(self, code: int, reason: str) -> None:
        """Close and drop what waits: the reader is not expected to get rid of it."""
        self._first = None
        self._ahead.clear()
        self._batches.clear()
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
            await self._roomy.wait()

    def take_now(self) -> list[Frame] | None:
        """Like `take`, without waiting: [] if nothing is there; None once closed and empty.

        For a few frames: of a long queue (`is_long`), `take` gives everybody a turn.
        """
        frames = self._frames
        if len(frames) == 1 and self.size == len(frames[0].data) and self._first is None:
            # As most often: there is nothing but one message.
            self._frames = []
            self.size = 0
        else:
            frames = self._chunk()
            if not frames and self.close_code is not None and not self._batches:
                return None
        self._taken(frames)
        return frames

    def stalled(self) -> None:
        """The reader's transport takes no more: its patience begins."""
        self._writing = True
        self._taken_at = self._clock()

    def flowing(self) -> None:
        """The transport takes more again."""
        self._writing = False

    async def take(self) -> list[Frame] | None:
        """Wait for frames; return a chunk of them, in order; None once closed and empty.

        [] tells a reader that the queue has been handed over to another one.
        """
        self._writing = False
        reader = self._reader
        while True:
            if self.is_long:
                await self._turn()
            if reader != self._reader:
                return []
            if frames := self._chunk():
                break
            if not self._batches and not self._frames:
                if self.close_code is not None:
                    return None
                await self._wait()
        self.stalled()
        self._taken(frames)
        return frames

    @property
    def is_long(self) -> bool:
        """There is so much that others should have their turn while it is written."""
        return bool(self._batches) or len(self._frames) > FEW_FRAMES

    def _taken(self, frames: list[Frame]) -> None:
        self.sent += frames[0].counts if len(frames) == 1 else sum([each.counts for each in frames])
        if self.size <= self._limit:
            self._allowed = self._limit
            if self._roomy.waiting is not None:
                self._roomy.open()

    async def _wait(self) -> None:
        waiter = self._waiter = asyncio.get_running_loop().create_future()
        try:
            await waiter
        finally:
            if self._waiter is waiter:
                self._waiter = None

    def _may_wait(self, number: int) -> bool:
        """Count so many frames more, if there is no reader; else close."""
        if self._held is None:
            return True
        self._held -= number
        if self._held < 0:
            self.abort(*TOO_LONG_AWAY)
        return self._held >= 0

    def _admits(self, size: int, number: int) -> bool:
        """Count so many bytes more; else close, for a client that has too much already."""
        if self._held is not None and not self._may_wait(number):
            return False
        if self.size + size > self._allowed:
            if self.size > self._limit:
                self.abort(*TOO_SLOW)
                return False
            self._allowed = self._limit + size
        self.size += size
        return True

    def _add(self, frames: list[Frame] | Batch) -> None:
        if isinstance(frames, Batch):
            self._put_in_batches()
            self._batches.append(frames)
        else:
            self._frames.extend(frames)
        self._wake()

    def _put_in_batches(self) -> None:
        """Queue what waits as a batch, to be taken little by little or with a batch behind it."""
        if self._frames:
            self._batches.append(listed(self._frames, _size(self._frames)))
            self._frames = []

    def _chunk(self) -> list[Frame]:
        if self._first is not None:
            first, self._first = self._first, None
            return [first]
        if self._ahead:
            frames, self._ahead = self._ahead, []
            self.size -= _size(frames)
            return frames
        if not self._batches:
            if self.size <= CHUNK and len(self._frames) <= CHUNK_FRAMES:
                frames, self._frames = self._frames, []
                self.size = 0
                return frames
            self._put_in_batches()
        return self._chunk_of_batches()

    def _chunk_of_batches(self) -> list[Frame]:
        frames: list[Frame] = []
        size = 0
        while self._batches and size < CHUNK and len(frames) < CHUNK_FRAMES:
            batch = self._batches[0]
            before, begin = size, len(frames)
            for frame in islice(batch.frames, CHUNK_FRAMES - begin):
                frames.append(frame)
                size += len(frame.data)
                if size >= CHUNK:
                    break
            if len(frames) == begin:
                del self._batches[0]
                self.size -= batch.size
                continue
            counted = min(size - before, batch.size)
            batch.size -= counted
            self.size -= counted
        return frames

    def _wake(self) -> None:
        if self._news is not None:
            news, self._news = self._news, None
            news()
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)


def _number(frames: list[Frame] | Batch) -> int:
    return frames.number if isinstance(frames, Batch) else len(frames)


def _counted(frames: list[Frame]) -> list[Frame]:
    return [frame for frame in frames if frame.counts]


def _size(frames: list[Frame] | Batch) -> int:
    if isinstance(frames, Batch):
        return frames.size
    return sum([len(frame.data) for frame in frames])
