"""A subscription whose publication says itself what there is, document by document."""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import inspect
import logging
import threading
from collections.abc import Callable
from functools import partial
from typing import Any

from dddp.api.publication import Publication
from dddp.api.this import Invocation, current
from dddp.exceptions import SubscriptionEnded
from dddp.livequery.document import Changes, Documents, Id, OpenShape, Values
from dddp.session.callbacks import Callbacks
from dddp.session.dictation import Dictation
from dddp.session.subscription import Subscription
from dddp.session.visibility import Source, deliver
from dddp.session.work import on_loop

logger = logging.getLogger("dddp.session")

READY_SECONDS = 10.0
"""How long a client's further messages wait for a publisher that is neither ready nor done."""

CANCEL_SECONDS = 5.0


class Told:
    """The documents of one collection that one publisher has added."""

    __slots__ = ("documents", "initial", "listeners", "shape", "subscribers")

    def __init__(self, collection: str) -> None:
        self.shape = OpenShape(collection)
        self.documents: Documents = {}
        self.initial: None = None
        self.subscribers: dict[Any, None] = {}
        self.listeners: list[Callable[[Changes], None]] = []


class ImperativeSubscription(Subscription):
    """Of a publication with a `publish` method, whose `Publisher` this is."""

    __slots__ = (
        "_callbacks",
        "_context",
        "_dictation",
        "_passed",
        "_sources",
        "_task",
        "added",
        "changed",
        "invocation",
        "removed",
    )

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self._sources: dict[str, Told] = {}
        self._callbacks = Callbacks(
            self.place.hub.user_threads.run, f"on_stop of publication {self.publication.name!r}"
        )
        self._passed = asyncio.Event()
        loop = asyncio.get_running_loop()
        self._task: asyncio.Task[None] | None = None
        self._dictation = Dictation(self._show)
        self.added = self._dictation.added
        self.changed = self._dictation.changed
        self.removed = self._dictation.removed
        self.invocation: Invocation = self.place.invocation()
        self.invocation.on_unblock = partial(on_loop, loop, self._passed.set)
        self._context = contextvars.copy_context()
        self._context.run(current.set, self.invocation)

    @property
    def sources(self) -> list[Source]:
        return list(self._sources.values())

    @property
    def stopped(self) -> bool:
        """Nobody listens any more."""
        return self._dictation.stopped

    def ready(self) -> None:
        """From any thread: the first documents are there."""
        self._dictation.say(self._become_ready)

    def stop(self, error: BaseException | None = None) -> None:
        """From any thread: end this, with an error or without."""
        self._dictation.say(lambda: self._stop(error), last=True)

    def on_stop(self, callback: Callable[[], Any]) -> None:
        """From any thread: have something done at the end."""
        self._dictation.call(lambda: self._keep(callback))

    async def open(self) -> None:
        self.shown()
        await self._start()

    async def load(self, patience: float) -> None:
        await self._start()
        await self._wait(patience)

    async def passed(self) -> None:
        if not await self._wait(READY_SECONDS):
            logger.warning(
                "Publication %r has neither called ready() nor returned for %s s; other messages "
                "of its client do not wait for it any more.",
                self.publication.name,
                READY_SECONDS,
            )

    async def _wait(self, seconds: float) -> bool:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._passed.wait()
        return self._passed.is_set()

    def halt(self) -> None:
        self._dictation.end()
        self._passed.set()
        if not self.is_over:
            self.is_over = True
            self.place.finish(self._finish())

    def end(self) -> None:
        self.halt()
        self._sources.clear()

    async def _start(self) -> None:
        instance, arguments = self.publication.serving(self)
        if inspect.iscoroutinefunction(instance.publish):
            hub = self.place.hub
            self.invocation.run = hub.user_threads.run
            await hub.retrying(hub.user_threads.run, getattr, self.invocation, "user")
        self._task = asyncio.create_task(self._run(instance, arguments), context=self._context)

    async def _run(self, instance: Publication, arguments: list[Any]) -> None:
        try:
            if inspect.iscoroutinefunction(instance.publish):
                returned = await instance.publish(*arguments)
            else:
                run, what = self.place.hub.user_threads.run, f"Publication {instance.name!r}"
                returned = await run(self._publish, instance, arguments, what=what)
            if returned is not None:
                raise TypeError(
                    f"publish() of {self.publication.name!r} returned {returned!r}: it adds "
                    f"documents itself and returns None; get_queries() returns querysets."
                )
        except SubscriptionEnded:
            pass
        except asyncio.CancelledError:
            self.stop()
            raise
        except BaseException as error:  # SystemExit must not end the server
            self.stop(error)
        finally:
            self._passed.set()

    def _publish(self, instance: Publication, arguments: list[Any]) -> Any:
        self._dictation.writing_thread = threading.get_ident()
        try:
            return instance.publish(*arguments)
        finally:
            self._dictation.writing_thread = None

    def _show(
        self, collection: str, identity: Id, before: Values | None, after: Values | None
    ) -> None:
        source = self._sources.get(collection)
        if source is None:
            source = self._sources[collection] = Told(collection)
            if self.is_shown:
                self.place.view.join(source)
        if after is None:
            del source.documents[identity]
        else:
            source.documents[identity] = after
        deliver({source: {identity: (before, after)}})

    def _become_ready(self) -> None:
        if not self.is_ready:
            self.is_ready = True
            self._passed.set()
            if self.is_shown:
                self.announce()

    def _stop(self, error: BaseException | None) -> None:
        self.halt()
        self.place.ended(self, error)

    def _keep(self, callback: Callable[[], Any]) -> None:
        self._callbacks.add(callback)
        if self.is_over and self._task is None:
            self.place.finish(self._call_back())

    async def _finish(self) -> None:
        task = self._task
        if task is not None:
            task.cancel()
            await asyncio.wait([task], timeout=CANCEL_SECONDS)
        self._task = None
        await self._call_back()

    async def _call_back(self) -> None:
        """Call what `on_stop` was given."""
        token = current.set(self.invocation)
        try:
            await self._callbacks.call()
        finally:
            current.reset(token)
