import json
import urllib.error

import pytest
from running import get, get_async

from dddp.testing.client import DDPClient


async def test_django_and_ddp_on_one_port(serve):
    server = serve()
    assert server.ws == server.http.replace("http:", "ws:") + "websocket"
    assert get(server.http) == "hello"
    assert json.loads(get(server.http + "sockjs/info"))["websocket"] is True
    for sockjs in (False, True):
        async with DDPClient(server.ws, sockjs=sockjs) as client:
            await client.subscribe("Items")
            assert list(client.collections["shop.item"].values()) == [{"name": "pen"}]


async def test_too_big_a_message(serve):
    server = serve(SETTINGS=json.dumps({"DDP_MAX_MESSAGE_BYTES": 2000}))
    for size in (2001, 100_000):
        async with DDPClient(server.ws) as client:
            await client.send_text("x" * size)
            assert (await client.wait_closed())[0] == 1009
    assert await get_async(server.http) == "hello"


async def test_stray_bytes(serve):
    server = serve()
    async with DDPClient(server.ws) as client:
        await client.send_text(b"\xff\xfe")
        await client.wait_for(lambda: client.messages[-1].get("msg") == "error")
        assert client.messages[-1] == {"msg": "error", "reason": "Bad request"}


def test_prefix(serve):
    server = serve(SETTINGS=json.dumps({"DDP_URL_PREFIX": "live"}))
    assert server.ws.endswith("/live/websocket")
    assert get(server.http + "live/sockjs") == "Welcome to SockJS!\n"


def test_static_files_under_debug_only(serve):
    server = serve(DEBUG="1")
    assert "export" in get(server.http + "static/dddp/ddp.js")
    server = serve()
    with pytest.raises(urllib.error.HTTPError, match="404") as refused:
        get(server.http + "static/dddp/ddp.js")
    refused.value.close()


def test_several_addresses(start):
    server = start("dddp", "127.0.0.1:0", "localhost:0", "[::1]:0")
    server.find(r"\[::1\]:\d+/ ")
    urls = [line.split()[2] for line in server.output.splitlines() if "Listening" in line]
    assert len({*urls}) == 3
    assert [get(url) for url in urls] == ["hello"] * 3


def test_default_settings_of_the_command_line(start):
    server = start("dddp", "127.0.0.1:0", "--settings", "settings", DJANGO_SETTINGS_MODULE="")
    assert get(server.wait_listening()[0]) == "hello"


def test_quiet_unless_asked(serve):
    server = serve()
    get(server.http)
    server.end()
    assert server.output.count("\n") == 1
    server = serve("-v")
    get(server.http)
    server.end()
    assert "GET / HTTP/1.1" in server.output


async def test_the_other_side_of_a_proxy(serve):
    """The proxy is trusted when it is on this machine: uvicorn's FORWARDED_ALLOW_IPS."""
    server = serve("-v")
    headers = {"x-forwarded-for": "192.0.2.9"}
    async with DDPClient(server.ws, additional_headers=headers):
        server.find(r"192\.0\.2\.9:0 - \"WebSocket /websocket\"")


async def test_login_services_of_a_server_without_accounts(serve):
    apps = ["django.contrib.staticfiles", "dddp", "dddp.meteor", "shop"]
    server = serve(SETTINGS=json.dumps({"INSTALLED_APPS": apps}))
    async with DDPClient(server.ws) as client:
        await client.subscribe("meteor.loginServiceConfiguration")
        assert client.collections["meteor_accounts_loginServiceConfiguration"] == {}
