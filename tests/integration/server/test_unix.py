"""`dddp unix:PATH`."""

import json
import signal
import socket
import stat

import pytest

from dddp.testing.client import DDPClient


def connect(path):
    sock = socket.socket(socket.AF_UNIX)
    sock.connect(str(path))
    return sock


@pytest.mark.parametrize("options", [[], ["--workers", "2"]], ids=" ".join)
async def test_serving(start, tmp_path, options):
    path = tmp_path / "app.sock"
    with socket.socket(socket.AF_UNIX) as killed:
        killed.bind(str(path))
    arguments = [f"unix:{path}", *options, "--unix-mode", "600", "-v"]
    server = start("dddp", *arguments, SETTINGS=json.dumps({"ALLOWED_HOSTS": ["example.org"]}))
    server.find(f"Listening on unix:{path} ")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    headers = {"x-forwarded-for": "203.0.113.9, 192.0.2.9"}
    url = "ws://example.org/websocket"
    for sockjs in (False, True):
        options = {"sock": connect(path), "additional_headers": headers}
        async with DDPClient(url, sockjs=sockjs, **options) as client:
            await client.subscribe("Items")
            assert list(client.collections["shop.item"].values()) == [{"name": "pen"}]
    # The last one that the proxy has not put there itself.
    server.find(r"192\.0\.2\.9:0 - \"WebSocket /websocket")
    assert server.end(signal.SIGTERM) == 0
    assert not path.exists()
    assert "Traceback" not in server.output
