"""One DDP message, encoded once and shared by every connection that is sent it."""

from __future__ import annotations

from dddp.protocol import sockjs


class Frame:
    """The JSON of one DDP message, with the forms transports need made on first use."""

    __slots__ = ("_sockjs", "_text", "data")

    def __init__(self, data: bytes) -> None:
        self.data = data
        self._text: str | None = None
        self._sockjs: str | None = None

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
