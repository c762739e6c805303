"""The balancers of docs/howto.md, "Balance SockJS", as they are written there."""

import asyncio
import os
import re
import shutil
from pathlib import Path

import pytest

from dddp.testing.client import DDPClient
from dddp.testing.postgres import free_port
from tools.plain_http import SockJSSite

HOWTO = Path(__file__).parents[3] / "docs" / "howto.md"
PATH = "/usr/sbin:/usr/bin:/bin"
TRANSPORTS = [None, "xhr-polling", "xhr-streaming", "eventsource"]

NGINX = """
daemon off; pid {dir}/pid; error_log stderr;
events {{}}
http {{
    access_log off; client_body_temp_path {dir}/body; proxy_temp_path {dir}/proxy;
    fastcgi_temp_path {dir}/f; uwsgi_temp_path {dir}/u; scgi_temp_path {dir}/s;
    {example}
}}
"""
BALANCERS = {
    "nginx": ("nginx", NGINX, ["nginx", "-c"]),
    "haproxy": ("haproxy", "{example}", ["haproxy", "-db", "-f"]),
    "caddy": (
        "caddyfile",
        "{{\nadmin off\nauto_https off\n}}\n{example}",
        ["caddy", "run", "--adapter", "caddyfile", "--config"],
    ),
}


@pytest.fixture(params=BALANCERS)
async def balanced(request, serve, tmp_path):
    """The raw WebSocket's URL at a balancer in front of two servers, and the servers."""
    language, frame, command = BALANCERS[request.param]
    if shutil.which(command[0], path=PATH) is None:
        what = f"{command[0]} is not installed: its example is tested in CI only."
        (pytest.fail if os.environ.get("CI") else pytest.skip)(what)
    servers = [serve(), serve()]
    example = re.search(rf"```{language}\n(.*?)```", HOWTO.read_text(), re.DOTALL)[1]
    port = free_port()
    for number, server in enumerate(servers, 1):
        address = server.http.removeprefix("http://").rstrip("/")
        example = example.replace(f"127.0.0.1:800{number}", address)
    example = re.sub(r"^(\s*listen |\s*bind :|:)80\b", rf"\g<1>{port}", example, flags=re.M)
    config = tmp_path / "balancer.conf"
    config.write_text(frame.format(dir=tmp_path, example=example))
    environ = {"PATH": PATH, "HOME": str(tmp_path)}
    process = await asyncio.create_subprocess_exec(*command, str(config), env=environ, cwd=tmp_path)
    try:
        await listening(process, port)
        yield f"ws://127.0.0.1:{port}/websocket"
    finally:
        process.terminate()
        await process.wait()


async def listening(process, port):
    async with asyncio.timeout(30):
        while True:
            assert process.returncode is None, "the balancer did not start"
            try:
                _, writer = await asyncio.open_connection("127.0.0.1", port)
            except OSError:
                await asyncio.sleep(0.05)
            else:
                writer.close()
                return


async def test_each_session_stays_in_one_process(balanced):
    processes = {}
    for transport in TRANSPORTS:
        found = processes[transport] = set()
        for _ in range(20):
            async with DDPClient(balanced, transport=transport) as client:
                seen = {await client.call("shop/process") for _ in range(3)}
                assert len(seen) == 1
                found |= seen
                await client.subscribe("Items")
                assert list(client.collections["shop.item"].values()) == [{"name": "pen"}]
            if len(found) == 2:
                break
    assert {len(found) for found in processes.values()} == {2}


async def test_streams_are_not_held_back(balanced):
    async with DDPClient(balanced, transport="xhr-streaming") as client:
        await client.send({"msg": "ping", "id": "1"})
        await client.wait_for(lambda: {"msg": "pong", "id": "1"} in client.messages)


async def test_without_a_balancer(serve):
    """--workers spreads the requests of a session; the client and the log are told."""
    server = serve("--workers", "2")
    site = SockJSSite(f"{server.http}sockjs")
    session = site.session()
    await site.post(f"{session}/xhr")
    for _ in range(100):
        answer = await site.post(f"{session}/xhr_send", "[]")
        if answer.status != 204:
            break
    assert (answer.status, answer.body) == (
        404,
        "There is no such session in this server process.\n",
    )
    server.find("make the balancer do so")
