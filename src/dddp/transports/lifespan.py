"""ASGI lifespan: the hub's start and stop, around those of the application that is wrapped."""

from __future__ import annotations

import asyncio
import logging

from dddp.exceptions import ConfigurationError
from dddp.transports.asgi_types import Application, Message, Receive, Scope, Send
from dddp.transports.peers import Hub

logger = logging.getLogger("dddp.transports")


async def serve(scope: Scope, receive: Receive, send: Send, hub: Hub, app: Application) -> None:
    """Answer a server's lifespan messages.

    The wrapped application starts before the hub and stops after it. One that knows no lifespan
    (Django's own) is left alone.
    """
    inner = WrappedLifespan(app, scope)
    await receive()
    try:
        await inner.startup()
        await hub.start()
    except Exception as error:
        logger.debug("Starting failed", exc_info=True)
        await inner.shutdown()
        await send({"type": "lifespan.startup.failed", "message": " ".join(str(error).split())})
        return
    await send({"type": "lifespan.startup.complete"})
    await receive()
    try:
        await hub.stop()
    finally:
        await inner.shutdown()
    await send({"type": "lifespan.shutdown.complete"})


class WrappedLifespan:
    """Speaks lifespan to an application, as a server does."""

    def __init__(self, app: Application, scope: Scope) -> None:
        self._app = app
        self._scope = scope
        self._events: asyncio.Queue[Message] = asyncio.Queue()
        self._replies: asyncio.Queue[Message] = asyncio.Queue()
        self._task: asyncio.Task[None] | None = None

    async def startup(self) -> None:
        """Returns when the application has started, or has shown that it knows no lifespan.

        Raises:
            ConfigurationError: the application says that it failed, with its message.
        """
        self._task = asyncio.create_task(self._run())
        reply = await self._ask("lifespan.startup")
        if reply is not None and reply["type"] == "lifespan.startup.failed":
            await self._end()
            raise ConfigurationError(reply.get("message") or "The application failed to start.")

    async def shutdown(self) -> None:
        """Returns when the application has shut down; at once when it has ended before."""
        if self._task is None or self._task.done():
            return
        await self._ask("lifespan.shutdown")
        await self._end()

    async def _end(self) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])

    async def _run(self) -> None:
        try:
            await self._app(self._scope, self._events.get, self._replies.put)
        except Exception as error:
            # ASGI, "Lifespan Protocol": an exception here means that it is not supported.
            logger.debug("The wrapped application speaks no lifespan: %r", error)

    async def _ask(self, question: str) -> Message | None:
        """The application's answer, None when it ended without one."""
        assert self._task is not None
        self._events.put_nowait({"type": question})
        reply = asyncio.create_task(self._replies.get())
        await asyncio.wait([reply, self._task], return_when=asyncio.FIRST_COMPLETED)
        if not self._replies.empty():
            await reply
        if reply.done():
            return reply.result()
        reply.cancel()
        return None
