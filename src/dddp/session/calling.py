"""All calls of one session: one after the other, but for those that unblock."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

from dddp.api import methods as api
from dddp.api.this import ON_LOOP, Invocation
from dddp.conf import conf
from dddp.exceptions import MeteorError
from dddp.protocol import messages
from dddp.protocol.events import Method
from dddp.protocol.frames import Frame
from dddp.session.calls import Call, notify
from dddp.session.errors import wire_error
from dddp.session.fences import Waiting
from dddp.session.gate import Gate
from dddp.session.outbox import Outbox
from dddp.session.rights import Login
from dddp.session.work import on_loop

if TYPE_CHECKING:
    from dddp.session.hub import Hub

logger = logging.getLogger("dddp.session")

FENCE_SECONDS = 1.0
"""How long a result is held back for the data it caused; DDP 1 allows `updated` to follow it."""


class Described:
    """A sentence for the log, made when there is something to log."""

    __slots__ = ("_describe", "_what")

    def __init__(self, describe: Callable[[str], str], what: str) -> None:
        self._describe = describe
        self._what = what

    def __str__(self) -> str:
        return self._describe(self._what)


class Calling:
    """The methods that a client calls.

    Args:
        invocation: makes what `this` is in a method, of the client's random seed.
        describe: completes a sentence for the log: "Method 'x'".
        admit: raises MeteorError for a method of this name that may not be called now.
        log_in: makes the session somebody else's.
        caught_up: waits until all that the change feed has told is with the client.
        served: called when a method has returned and its login is done.
    """

    def __init__(
        self,
        hub: Hub,
        outbox: Outbox,
        invocation: Callable[[str | None], Invocation],
        describe: Callable[[str], str],
        admit: Callable[[str], None],
        log_in: Callable[[Login | None], Awaitable[None]],
        caught_up: Callable[[], Awaitable[None]],
        served: Callable[[], None],
    ) -> None:
        self._hub = hub
        self._outbox = outbox
        self._invocation = invocation
        self._describe = describe
        self._admit = admit
        self._log_in = log_in
        self._caught_up = caught_up
        self._served = served
        self._loop = asyncio.get_running_loop()
        self._running: set[Call] = set()
        self._tasks: dict[asyncio.Task[None], str] = {}
        self._room = Gate()
        self._is_finishing = False
        self._using: str = conf.database
        # Unblocked calls of one client must not take all threads.
        self._most = max(1, conf.worker_threads // 2)

    @property
    def replaces_login(self) -> bool:
        """A method that has called `set_user_id` is still running."""
        return any(call.invocation.user_was_set for call in self._running)

    def ids(self) -> list[str]:
        """The client's, of calls that have not been answered."""
        return list(self._tasks.values())

    async def call(self, event: Method) -> None:
        """Serve a call; returns when the client's next message may be handled."""
        method = self._hub.registry.find_method(event.method)
        if method is None:
            error = MeteorError(404, f"Method '{event.method}' not found").as_wire()
            self._outbox.push(messages.result(event.id, error=error))
            self._outbox.push(messages.updated(event.id))
            return
        what = Described(self._describe, f"Method {event.method!r}")
        try:
            self._admit(event.method)
        except Exception as refusal:
            self._answer(event.id, messages.result(event.id, error=wire_error(refusal, what)))
            return
        while len(self._running) >= self._most:
            await self._room.wait()
        if self._is_finishing:
            return
        go_on = self._loop.create_future()
        serve = self._serve_on_loop if method.on_loop else self._serve
        task = self._loop.create_task(serve(event, method, what, go_on))
        self._tasks[task] = event.id
        task.add_done_callback(self._tasks.pop)
        task.add_done_callback(lambda _: _set(go_on))
        await go_on

    async def answered(self, seconds: float) -> None:
        """Begin none any more; wait so long at most until those that have begun are answered."""
        self._is_finishing = True
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=seconds)

    def end(self) -> None:
        """The client is gone; what runs in a thread goes on there."""
        for task in self._tasks:
            task.cancel()

    def _begun(
        self,
        event: Method,
        method: api.Method,
        what: object,
        go_on: asyncio.Future[None],
        token: str = "",
    ) -> Call:
        invocation = self._invocation(event.random_seed)
        invocation.no_login = None
        invocation.on_unblock = lambda: on_loop(self._loop, _set, go_on)
        fence = (self._hub.fence_channel, token)
        watched = self._hub.watched
        using = self._using
        call = Call(event.id, method, event.params, invocation, what, fence, watched, using)
        self._running.add(call)
        return call

    async def _serve_on_loop(
        self, event: Method, method: api.Method, what: object, go_on: asyncio.Future[None]
    ) -> None:
        """Answer a call that takes no thread, nor anything of the database unless it asks it."""
        call = self._begun(event, method, what, go_on)
        call.invocation.no_login = ON_LOOP
        call.invocation.run = self._hub.user_threads.run
        try:
            result = await call.run_on_loop()
        finally:
            self._running.discard(call)
            self._room.open()
        if call.fenced:
            await self._answer_behind_all(call.id, result, go_on)
        else:
            self._answer(call.id, result)

    async def _answer_behind_all(self, id: str, result: Frame, go_on: asyncio.Future[None]) -> None:
        """Send a token behind what has been committed, and the answer behind that."""
        fence = self._hub.fences.new()
        try:
            send = self._hub.user_threads.run
            await self._hub.retrying(send, notify, self._hub.fence_channel, fence.token)
        except BaseException as error:
            self._hub.fences.drop(fence)
            if not isinstance(error, Exception):
                raise
            logger.exception("What a method has written cannot be waited for")
            self._answer(id, result)
        else:
            await self._answer_behind(fence, id, result, go_on)

    async def _serve(
        self, event: Method, method: api.Method, what: object, go_on: asyncio.Future[None]
    ) -> None:
        """Answer a call. `go_on` is set before that if it unblocks, or waits for its data only."""
        fence = self._hub.fences.new()
        call = self._begun(event, method, what, go_on, fence.token)
        try:
            result = await self._hub.user_threads.run(call.run, what=call.what)
            if call.committed and call.invocation.user_was_set:
                result = await self._with_other_user(call, result)
        except Exception as error:
            call.fenced = False
            result = messages.result(call.id, error=wire_error(error, call.what))
        except BaseException:
            self._hub.fences.drop(fence)
            raise
        finally:
            self._running.discard(call)
            self._room.open()
            self._served()
        if call.fenced:
            await self._answer_behind(fence, call.id, result, go_on)
        else:
            self._hub.fences.drop(fence)
            self._answer(call.id, result)

    async def _with_other_user(self, call: Call, result: Frame) -> Frame:
        """Do what `this.set_user_id` has asked for; returns the result to send."""
        try:
            await self._log_in(call.login)
        except Exception as error:
            return messages.result(call.id, error=wire_error(error, call.what))
        return result

    async def _answer_behind(
        self, fence: Waiting, id: str, result: Frame, go_on: asyncio.Future[None]
    ) -> None:
        """Send `updated` behind all data of the call, and the result, which does not wait long."""
        is_early = False

        def answer_early() -> None:
            nonlocal is_early
            is_early = True
            self._outbox.push(result)
            _set(go_on)

        timer = self._loop.call_later(FENCE_SECONDS, answer_early)
        try:
            await self._written(fence)
        finally:
            timer.cancel()
        if is_early:
            self._outbox.push(messages.updated(id))
        else:
            self._answer(id, result)

    async def _written(self, fence: Waiting) -> None:
        try:
            await self._hub.passed(fence)
            await self._caught_up()
        except Exception:
            logger.exception("What a method has written cannot be waited for")

    def _answer(self, id: str, result: Frame) -> None:
        self._outbox.push_all([messages.updated(id), result])


def _set(go_on: asyncio.Future[None]) -> None:
    if not go_on.done():
        go_on.set_result(None)
