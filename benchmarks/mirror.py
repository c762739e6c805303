"""Clients that keep what they are sent, to be compared with the database."""

from __future__ import annotations

import asyncio
from typing import Any

import msgspec

from benchmarks.crowd import CONNECT, PONG, READY_SECONDS, SUBSCRIBE
from benchmarks.websocket import WebSocket

Documents = dict[str, dict[str, Any]]


class Message(msgspec.Struct):
    msg: str = ""
    collection: str = ""
    id: str = ""
    fields: dict[str, Any] = {}


_decode = msgspec.json.Decoder(Message).decode


class Mirror:
    """A client of AllBooks. Attributes: its books; how many messages, and when the last came."""

    def __init__(self, url: str) -> None:
        self.socket = WebSocket(url, self._take)
        self.books: Documents = {}
        self.messages = 0
        self.last = 0.0
        self._ready = asyncio.Event()
        self._news = asyncio.Event()

    @property
    def is_open(self) -> bool:
        return not self.socket.closed.done()

    async def open(self) -> None:
        await self.socket.connect()
        self.socket.send(CONNECT)
        self.socket.send(SUBSCRIBE)
        await asyncio.wait_for(self._ready.wait(), READY_SECONDS)

    async def has(self, book: str, title: str) -> None:
        """Wait until a book has that title, or the server has given up on this client."""
        while self.is_open and self.books.get(book, {}).get("title") != title:
            self._news.clear()
            news = asyncio.ensure_future(self._news.wait())
            await asyncio.wait([news, self.socket.closed], return_when=asyncio.FIRST_COMPLETED)
            news.cancel()

    def _take(self, payload: bytes, when: float) -> None:
        message = _decode(payload)
        if message.msg == "ping":
            self.socket.send(PONG)
        elif message.msg == "ready":
            self._ready.set()
        if message.collection != "bookstore.book":
            return
        self.messages += 1
        self.last = when
        if message.msg == "changed":
            self.books[message.id].update(message.fields)
        elif message.msg == "added":
            self.books[message.id] = message.fields
        else:
            del self.books[message.id]
        self._news.set()
