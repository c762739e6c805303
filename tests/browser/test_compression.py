"""A browser offers compression, and reads what has been compressed once for all."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from playwright.async_api import Page

from bookstore.models import Author, Book
from tools.serving import Watched

TALK = """
(url) => new Promise((resolve, reject) => {
  const socket = new WebSocket(url);
  const send = (message) => socket.send(JSON.stringify(message));
  const titles = [];
  socket.onerror = () => reject(new Error("the connection failed"));
  socket.onopen = () => {
    send({ msg: "connect", version: "1", support: ["1"] });
    send({ msg: "sub", id: "x".repeat(2000), name: "AllBooks" });
  };
  socket.onmessage = ({ data }) => {
    const message = JSON.parse(data);
    if (message.collection === "bookstore.book") titles.push(message.fields.title);
    if (message.msg === "ready") resolve([socket.extensions, titles, message.subs[0].length]);
  };
})
"""


async def test_documents(
    start_server: Callable[..., Watched], open_window: Callable[[str], Awaitable[Page]]
) -> None:
    server = start_server(settings={"DDP_COMPRESS_BYTES": 100})
    ada = Author.objects.create(name="Ada Okafor", email="ada@example.com")
    titles = [f"{n} {'so much the same ' * 11}é" for n in range(20)]
    Book.objects.bulk_create([Book(title=title, author=ada, pages=1) for title in titles])
    page = await open_window(f"{server.url}sockjs")
    extensions, seen, characters = await page.evaluate(TALK, server.ws_url)
    assert "permessage-deflate" in extensions
    assert sorted(seen) == sorted(titles)
    assert characters == 2000
