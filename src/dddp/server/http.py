"""HTTP as uvicorn has it with httptools, which takes heads of any size: here they have a bound."""

from __future__ import annotations

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

MOST_BYTES = 64 * 1024
"""Of a head, or of the trailers behind a body, that is not complete; as h11 has it in uvicorn."""


class HttpProtocol(HttpToolsProtocol):
    """Refuses requests whose head does not end."""

    _unfinished = 0

    def data_received(self, data: bytes) -> None:
        """Count what neither ends a head nor belongs to a body."""
        self._unfinished += len(data)
        super().data_received(data)
        if self._unfinished > MOST_BYTES and not self.transport.is_closing():
            self.send_400_response("The head of this request is too long.")

    def on_headers_complete(self) -> None:
        """A request is there."""
        self._unfinished = 0
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        """A part of its body is."""
        self._unfinished = 0
        super().on_body(body)

    def on_message_complete(self) -> None:
        """All of it is."""
        self._unfinished = 0
        super().on_message_complete()
