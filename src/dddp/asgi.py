"""ASGI applications: a Django project with DDP on the same port.

    uvicorn dddp.asgi:application           the project in DJANGO_SETTINGS_MODULE, and DDP
    application = DDPApplication(app)       an ASGI application of your own, and DDP

Servers: uvicorn, hypercorn and granian speak lifespan, with which the change feed starts before
the first client comes. Under daphne it starts with the first client.
"""

from __future__ import annotations

import asyncio
import logging
from typing import cast

from dddp.transports import health, lifespan, sockjs, websocket
from dddp.transports.asgi_types import Application, Receive, Scope, Send
from dddp.transports.peers import Hub
from dddp.transports.replies import reply
from dddp.transports.sockjs_sessions import Sessions

logger = logging.getLogger("dddp.transports")


class DDPApplication:
    """An ASGI application that answers DDP's paths itself and passes everything else on.

    Args:
        app: the application to wrap; where this one is a route of another, None. Django's settings
            must be configured by the time of the first request.
        hub: the live side of this process; `dddp.session.hub.get_hub()` when left out.
    """

    def __init__(self, app: Application | None = None, hub: Hub | None = None) -> None:
        self._app = app or _nothing
        self._given_hub = hub
        self._sessions = Sessions()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        kind = scope["type"]
        if kind == "lifespan":
            await lifespan.serve(scope, receive, send, self._hub(), self._app)
            return
        probe = health.probe_of(scope)
        if probe is not None:
            await health.respond(scope, send, probe, self._hub())
            return
        path = sockjs.ddp_path(scope) if kind in ("http", "websocket") else None
        if path is None:
            await self._pass_on(scope, receive, send)
        elif kind == "http":
            await sockjs.respond(scope, receive, send, path, self._hub, self._sessions)
        else:
            await self._converse(scope, receive, send, path)

    async def _converse(self, scope: Scope, receive: Receive, send: Send, path: str) -> None:
        framing = sockjs.framing_of(path)
        if framing is None:
            await _not_found(scope, receive, send)
        else:
            await websocket.serve(scope, receive, send, self._hub(), framing)

    async def _pass_on(self, scope: Scope, receive: Receive, send: Send) -> None:
        from django.core.handlers.asgi import ASGIHandler

        if scope["type"] == "websocket" and isinstance(self._app, ASGIHandler):
            # Django raises on what is not HTTP, and any visitor could fill the log with that.
            await _not_found(scope, receive, send)
        else:
            await self._app(scope, receive, send)

    def _hub(self) -> Hub:
        if self._given_hub is not None:
            return self._given_hub
        from dddp.session.hub import get_hub

        return get_hub()


async def _nothing(scope: Scope, receive: Receive, send: Send) -> None:
    if scope["type"] == "websocket":
        await _not_found(scope, receive, send)
    elif scope["type"] == "http":
        await reply(scope, send, 404, b"Not Found\n")


async def _not_found(scope: Scope, receive: Receive, send: Send) -> None:
    await receive()
    await websocket.refuse(scope, send, 404)


def get_asgi_application() -> DDPApplication:
    """The Django project in DJANGO_SETTINGS_MODULE with DDP; its static files too under DEBUG."""
    from django.core.asgi import get_asgi_application as get_django_application

    app = get_django_application()
    from django.apps import apps
    from django.conf import settings

    if settings.DEBUG and apps.is_installed("django.contrib.staticfiles"):
        from django.contrib.staticfiles.handlers import ASGIStaticFilesHandler

        app = ASGIStaticFilesHandler(app)
    return DDPApplication(cast(Application, app))


class LazyApplication:
    """`get_asgi_application()` called at the first event, so that importing it costs nothing.

    In a thread: the `ready()` of an app may use the database, which Django forbids in a task.
    """

    def __init__(self) -> None:
        self._building: asyncio.Task[DDPApplication] | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if self._building is None:
            self._building = asyncio.create_task(asyncio.to_thread(get_asgi_application))
        try:
            app = await asyncio.shield(self._building)
        except Exception as error:
            if scope["type"] != "lifespan":
                raise
            # Raised, it would mean "speaks no lifespan", and the server would go on.
            logger.exception("The Django project could not be loaded")
            await receive()
            await send({"type": "lifespan.startup.failed", "message": repr(error)})
            return
        await app(scope, receive, send)


application = LazyApplication()
