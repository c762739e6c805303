import asyncio

import pytest
from django.core.handlers.asgi import ASGIHandler
from django.test import override_settings
from fake_server import Server

from dddp.asgi import DDPApplication
from dddp.exceptions import ConfigurationError


class TestPaths:
    @pytest.mark.parametrize("path", ["/", "/sockjsx", "/websocket/x", "/a/websocket"])
    async def test_others_are_the_projects(self, server, path):
        assert (await server.http(path)).body == b"the project"

    async def test_prefix(self, server):
        with override_settings(DDP_URL_PREFIX="/live/ddp/"):
            async with server.websocket("/live/ddp/websocket") as socket:
                await socket.accepted()
            assert (await server.http("/live/ddp/sockjs")).body == b"Welcome to SockJS!\n"
            assert (await server.http("/sockjs")).body == b"the project"
            assert (await server.http("/live/ddpsockjs")).body == b"the project"

    async def test_mounted_below_a_path(self, server):
        mounted = {"path": "/app/sockjs", "root_path": "/app"}
        assert (await server.http(**mounted)).body == b"Welcome to SockJS!\n"

    @pytest.mark.parametrize(
        ("path", "root", "ours"),
        [
            ("/app/sockjs", "/app", True),
            ("/app/sockjs", "/app/", True),
            ("/sockjs", "/app", True),  # the proxy has removed it
            ("/sockjs", "/sock", True),
            ("/application/sockjs", "/app", False),
            ("/app/sockjs", "", False),
        ],
    )
    async def test_paths_below_another(self, server, path, root, ours):
        body = b"Welcome to SockJS!\n" if ours else b"the project"
        assert (await server.http(path, root_path=root)).body == body
        with override_settings(FORCE_SCRIPT_NAME=root or None):
            assert (await server.http(path)).body == body

    async def test_below_another_with_a_prefix(self, server):
        with override_settings(DDP_URL_PREFIX="live", FORCE_SCRIPT_NAME="/app"):
            async with server.websocket("/app/live/websocket") as socket:
                await socket.accepted()
            assert (await server.http("/app/sockjs")).body == b"the project"

    async def test_nothing_else(self, hub):
        server = Server(DDPApplication(hub=hub))
        assert (await server.http("/")).status == 404
        assert (await server.http("/sockjs")).status == 200
        async with server.websocket("/chat") as socket:
            assert await socket.refused() == 404

    async def test_a_websocket_of_the_wrapped_application(self, hub):
        async def app(scope, receive, send):
            await send({"type": "websocket.close", "code": 4000})

        async with Server(DDPApplication(app, hub)).websocket("/chat") as socket:
            assert await socket.closed() == (4000, None)

    async def test_django_knows_no_websocket(self, hub):
        async with Server(DDPApplication(ASGIHandler(), hub)).websocket("/chat") as socket:
            assert await socket.refused() == 404


class Lifespan:
    """A server's side of lifespan."""

    def __init__(self, app):
        self.to_app, self.from_app = asyncio.Queue(), asyncio.Queue()
        scope = {"type": "lifespan", "state": {}}
        self.task = asyncio.create_task(app(scope, self.to_app.get, self.from_app.put))

    async def ask(self, event):
        self.to_app.put_nowait({"type": f"lifespan.{event}"})
        return await self.from_app.get()


class Wrapped:
    """An application that speaks lifespan and notes the order of things in the hub's list."""

    def __init__(self, calls, failure=None):
        self.calls = calls
        self.failure = failure

    async def __call__(self, scope, receive, send):
        assert await receive() == {"type": "lifespan.startup"}
        self.calls.append("app start")
        if self.failure is not None:
            await send({"type": "lifespan.startup.failed", "message": self.failure})
            return
        scope["state"]["pool"] = "of the app"
        await send({"type": "lifespan.startup.complete"})
        assert await receive() == {"type": "lifespan.shutdown"}
        self.calls.append("app stop")
        await send({"type": "lifespan.shutdown.complete"})


class TestLifespan:
    async def test_around_the_wrapped_application(self, hub):
        lifespan = Lifespan(DDPApplication(Wrapped(hub.calls), hub))
        assert await lifespan.ask("startup") == {"type": "lifespan.startup.complete"}
        assert await lifespan.ask("shutdown") == {"type": "lifespan.shutdown.complete"}
        await lifespan.task
        assert hub.calls == ["app start", "start", "stop", "app stop"]

    async def test_application_without_lifespan(self, hub):
        lifespan = Lifespan(DDPApplication(ASGIHandler(), hub))
        assert await lifespan.ask("startup") == {"type": "lifespan.startup.complete"}
        assert await lifespan.ask("shutdown") == {"type": "lifespan.shutdown.complete"}
        assert hub.calls == ["start", "stop"]

    async def test_application_that_just_returns(self, hub):
        async def app(scope, receive, send):
            return

        lifespan = Lifespan(DDPApplication(app, hub))
        assert await lifespan.ask("startup") == {"type": "lifespan.startup.complete"}

    async def test_application_fails(self, hub):
        lifespan = Lifespan(DDPApplication(Wrapped(hub.calls, "no pool"), hub))
        answer = await lifespan.ask("startup")
        assert answer == {"type": "lifespan.startup.failed", "message": "no pool"}
        await lifespan.task
        assert hub.calls == ["app start"]

    async def test_hub_fails(self, hub):
        hub.failure = ConfigurationError("Run\n\tmigrate.")
        lifespan = Lifespan(DDPApplication(Wrapped(hub.calls), hub))
        answer = await lifespan.ask("startup")
        assert answer == {"type": "lifespan.startup.failed", "message": "Run migrate."}
        await lifespan.task
        assert hub.calls == ["app start", "start", "app stop"]

    async def test_nothing_is_left_running(self, hub):
        others = asyncio.all_tasks()
        lifespan = Lifespan(DDPApplication(Wrapped(hub.calls), hub))
        await lifespan.ask("startup")
        await lifespan.ask("shutdown")
        await lifespan.task
        assert asyncio.all_tasks() == others
