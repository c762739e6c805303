"""One DDP message, encoded once and shared by every connection that is sent it."""

from __future__ import annotations

from typing import ClassVar

from dddp.protocol import rfc6455, sockjs


class Frame:
    """The JSON of one DDP message, with the forms transports need made on first use.

    Attributes:
        compressible: it may be compressed. What answers one client may not: it can hold a secret
            next to text that somebody else has chosen, and then its size tells (BREACH).
    """

    compressible: ClassVar[bool] = False
    counts: ClassVar[bool] = True

    __slots__ = ("_deflated", "_deflated_sockjs", "_sockjs", "_text", "_ws", "_ws_sockjs", "data")

    def __init__(self, data: bytes) -> None:
        self.data = data
        self._text: str | None = None
        self._sockjs: str | None = None
        self._ws: bytes | None = None
        self._ws_sockjs: bytes | None = None
        self._deflated: bytes | None = None
        self._deflated_sockjs: bytes | None = None

    @property
    def text(self) -> str:
        """For raw WebSocket text frames."""
        if self._text is None:
            self._text = self.data.decode()
        return self._text

    @property
    def sockjs(self) -> str:
        """As the only message of a SockJS frame: `a["..."]`."""
        if self._sockjs is None:
            self._sockjs = sockjs.encode([self.text])
        return self._sockjs

    @property
    def websocket(self) -> bytes:
        """As a WebSocket frame."""
        if self._ws is None:
            self._ws = rfc6455.frame(self.data)
        return self._ws

    @property
    def websocket_sockjs(self) -> bytes:
        """SockJS's form as a WebSocket frame."""
        if self._ws_sockjs is None:
            self._ws_sockjs = rfc6455.frame(self.sockjs.encode())
        return self._ws_sockjs

    def deflated(self, least: int) -> bytes:
        """As a compressed WebSocket frame; as it is below `least` bytes or if that is no gain."""
        if not self.compressible or len(self.data) < least:
            return self.websocket
        if self._deflated is None:
            self._deflated = rfc6455.deflated(self.data) or self.websocket
        return self._deflated

    def deflated_sockjs(self, least: int) -> bytes:
        """Like `deflated`, of SockJS's form."""
        if not self.compressible or len(self.data) < least:
            return self.websocket_sockjs
        if self._deflated_sockjs is None:
            form = rfc6455.deflated(self.sockjs.encode())
            self._deflated_sockjs = form or self.websocket_sockjs
        return self._deflated_sockjs


class Document(Frame):
    """A message about a document, the same for everybody who sees it."""

    compressible = True

    __slots__ = ()


class Heartbeat(Frame):
    """A ping or pong: it is about a connection and not a part of the session."""

    counts = False

    __slots__ = ()


class Answer(Frame):
    """Ends something that the client has asked for.

    Attributes:
        to: ("method" or "sub", the client's id); the id is None for universal publications.
    """

    __slots__ = ("to",)

    def __init__(self, data: bytes, to: tuple[str, str | None]) -> None:
        super().__init__(data)
        self.to = to
