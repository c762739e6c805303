"""The page of the sample bookstore when its connection is cut: its session goes on."""

from __future__ import annotations

import json

from django.contrib.auth.models import User
from playwright.async_api import expect

from bookstore.models import Book
from tools.tcp_proxy import TcpProxy

PASSWORD = "forty-two swallows"


class Sockets:
    """The WebSockets of a page: `sent` and `received` are lists of messages for each."""

    def __init__(self, page):
        self.sent, self.received = [], []
        page.on("websocket", self._listen)

    def _listen(self, socket):
        for name, messages in (("framesent", self.sent), ("framereceived", self.received)):
            messages.append([])
            socket.on(name, lambda text, to=messages[-1]: to.append(json.loads(text)))


async def test_a_session_goes_on(bookshop, open_window, authors):
    User.objects.create_user("grace", password=PASSWORD)
    async with TcpProxy("127.0.0.1", bookshop.port) as proxy:
        page = await open_window("about:blank")
        sockets = Sockets(page)
        await page.goto(f"http://127.0.0.1:{proxy.port}/")
        await page.locator("#account").click()
        await page.fill("#log-in [name=username]", "grace")
        await page.fill("#log-in [name=password]", PASSWORD)
        await page.locator("#log-in [name=log-in]").click()
        await expect(page.locator("#account")).to_have_text("grace")
        await expect(page.locator("#books tr")).to_have_count(2)

        proxy.cut()
        await expect(page.locator("#status")).to_have_attribute("data-status", "waiting")
        Book.objects.filter(title="Tides").update(title="Ebb")
        proxy.restore()
        await expect(page.locator("#status")).to_have_attribute("data-status", "connected")
        await expect(page.locator("#books [data-field=title]").last).to_have_value("Ebb")
        await expect(page.locator("#account")).to_have_text("grace")

        connected = sockets.received[0][0]
        (hello,) = (each for each in sockets.sent[-1] if each["msg"] not in {"ping", "pong"})
        assert hello["session"] == connected["session"]
        assert sockets.received[-1][0] == connected
        (news,) = (each for each in sockets.received[-1][1:] if "collection" in each)
        assert (news["msg"], news["fields"]) == ("changed", {"title": "Ebb"})
