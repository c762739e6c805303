"""Beside Django Channels: around its router, or as one of its routes."""

import pytest
from channels.routing import ProtocolTypeRouter, URLRouter
from channels.security.websocket import AllowedHostsOriginValidator
from django.urls import path, re_path
from fake_server import Server

from dddp.asgi import DDPApplication


async def chat(scope, receive, send):
    await send({"type": "websocket.close", "code": 4001})


async def pages(scope, receive, send):
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"a page"})


def around(hub):
    websocket = URLRouter([path("chat", chat)])
    return DDPApplication(ProtocolTypeRouter({"http": pages, "websocket": websocket}), hub)


def as_a_route(hub):
    ddp = DDPApplication(hub=hub)
    routes = [path("chat", chat), re_path("^(websocket/?$|sockjs/)", ddp)]
    http = URLRouter([re_path("^sockjs(/|$)", ddp), re_path("", pages)])
    websocket = AllowedHostsOriginValidator(URLRouter(routes))
    return ProtocolTypeRouter({"http": http, "websocket": websocket, "lifespan": ddp})


@pytest.fixture(params=[around, as_a_route])
def server(request, hub):
    return Server(request.param(hub))


async def test_both_are_reached(server, hub):
    headers = {"origin": "https://example.com"}
    async with server.websocket("/chat", headers=headers) as socket:
        assert (await socket.closed())[0] == 4001
    for each in ("/websocket", "/sockjs/123/abcdefgh/websocket"):
        async with server.websocket(each, headers=headers) as socket:
            await socket.accepted()
    assert [session.info.transport for session in hub.sessions] == ["websocket", "sockjs-websocket"]
    assert (await server.http("/")).body == b"a page"
    assert (await server.http("/sockjs")).body == b"Welcome to SockJS!\n"
