"""One server process: uvicorn around `dddp.asgi.application`."""

from __future__ import annotations

import os
import signal
import socket
import sys
import threading
from collections.abc import Callable
from types import FrameType

from uvicorn import Config, Server

from dddp.server.options import Options

STARTUP_FAILURE = 3
"""Exit code of a process that could not start: another one like it could not either."""

GRACE_SECONDS = 5
"""How long running HTTP requests may go on after the signal to stop."""

HARD_STOP_SECONDS = 10.0
"""When the process ends whatever still runs in its threads."""

SIGNALS = (signal.SIGINT, signal.SIGTERM)


class DDPServer(Server):
    """Uvicorn's server, which tells when it is ready and always comes to an end."""

    def __init__(self, config: Config, on_ready: Callable[[], None]) -> None:
        super().__init__(config)
        self._on_ready = on_ready
        self._stopping = False

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start the application, accept connections, tell."""
        await super().startup(sockets=sockets)
        if self.started:
            self._on_ready()

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """A signal to stop."""
        super().handle_exit(sig, frame)
        if not self._stopping:
            self._stopping = True
            hard_stop = threading.Timer(HARD_STOP_SECONDS, _stop_at_once)
            hard_stop.daemon = True
            hard_stop.start()


def serve(options: Options, sockets: list[socket.socket], on_ready: Callable[[], None]) -> int:
    """Serve until SIGINT or SIGTERM; the project must have been loaded.

    Args:
        sockets: bound and listening.
        on_ready: called once connections are answered.

    Returns:
        The exit code: 0, or STARTUP_FAILURE when the application did not start, which is logged.
    """
    server = DDPServer(_config(options), on_ready)
    for number in SIGNALS:
        # Uvicorn takes these over while it runs, then hands every signal it got to these.
        signal.signal(number, server.handle_exit)
    try:
        server.run(sockets=sockets)
    except SystemExit:
        return STARTUP_FAILURE
    return 0 if server.started or server.should_exit else STARTUP_FAILURE


def _config(options: Options) -> Config:
    from dddp.asgi import application
    from dddp.conf import conf
    from dddp.transports.framing import websocket_limit
    from dddp.transports.upgrade import WebSocketProtocol

    return Config(
        application,
        ws=WebSocketProtocol,
        ws_max_size=websocket_limit(conf.max_message_bytes),
        ws_ping_interval=None,  # DDP has its own heartbeat
        ws_per_message_deflate=False,
        lifespan="on",
        log_config=None,
        access_log=options.verbose,
        server_header=False,
        timeout_graceful_shutdown=GRACE_SECONDS,
        ssl_certfile=options.ssl_certfile,
        ssl_keyfile=options.ssl_keyfile,
    )


def _stop_at_once() -> None:
    print("Stopped without waiting any longer for what still ran.", file=sys.stderr, flush=True)
    os._exit(1)
