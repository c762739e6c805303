"""One server process: uvicorn around `dddp.asgi.application`."""

from __future__ import annotations

import asyncio
import gc
import logging
import os
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable, Collection
from types import FrameType
from typing import TYPE_CHECKING, Any

from uvicorn import Config, Server
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

from dddp.server.options import Options

if TYPE_CHECKING:
    from dddp.session.hub import Hub

logger = logging.getLogger("dddp.server")

STARTUP_FAILURE = 3
"""Exit code of a process that could not start: another one like it could not either."""

GRACE_SECONDS = 5
"""How long running HTTP requests may go on after the signal to stop."""

HARD_STOP_SECONDS = 10.0
"""When the process ends whatever still runs in its threads."""

REQUEST_SECONDS = 30.0
"""How long a connection may be without a whole request: uvicorn waits for the first for ever."""

SWEEP_TICKS = 50
"""A tick of uvicorn is 0.1 s."""

CIPHERS = "ECDHE+AESGCM:ECDHE+CHACHA20"
"""For TLS 1.2; those of 1.3 are all good. Uvicorn's own choice leaves out just these."""

AT_ONCE: signal.Signals = getattr(signal, "SIGQUIT", signal.SIGTERM)
"""Like SIGINT, which a supervised process does not heed: the terminal sends it to all."""

GARBAGE = 10_000
"""How many more objects there have to be before garbage is looked for: some MB. Of old objects
after ten times as many: with 8 million, 500 clients that come and go took 0.5 MB a second."""

_PROXY = ("127.0.0.1", 0)

SIGNALS = (signal.SIGINT, signal.SIGTERM)


class DDPServer(Server):
    """Uvicorn's server, which tells when it is ready and always comes to an end.

    SIGTERM lets clients go one after the other (`Hub.drain`), any other signal all together. A
    second one ends the process on the spot.

    Args:
        on_ready: called when connections are answered.
        on_exit: called before the process ends without going on.
        heeds: the signals that are for this process.
    """

    def __init__(
        self,
        config: Config,
        on_ready: Callable[[], None],
        on_exit: Callable[[], None],
        heeds: Collection[int],
    ) -> None:
        super().__init__(config)
        self._on_ready = on_ready
        self._on_exit = on_exit
        self._heeds = heeds
        self._hurries = False
        self._has_ended = False
        self._waiting: dict[Any, float] = {}

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start the application, accept connections, tell."""
        await super().startup(sockets=sockets)
        if self.started:
            _spare_collections()
            self._on_ready()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Let the clients go, then what uvicorn does: end all connections, and the application."""
        try:
            if self._hurries:
                _hub().hang_up()
            else:
                await self._drain(sockets or [])
        except Exception:
            logger.exception("Clients could not be let go")
        await super().shutdown(sockets=sockets)
        self._has_ended = True

    async def on_tick(self, counter: int) -> bool:
        """Called ten times a second."""
        if counter % SWEEP_TICKS == 0:
            self._cut_off_silent()
        return await super().on_tick(counter)

    def _cut_off_silent(self) -> None:
        now = time.monotonic()
        connections: set[Any] = {*self.server_state.connections}
        self._waiting = {
            each: self._waiting.get(each, now) for each in connections if _waits_for_request(each)
        }
        for each, since in self._waiting.items():
            if now - since > REQUEST_SECONDS:
                each.transport.abort()

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """A signal to stop."""
        # Uvicorn hands on all signals once more at its end.
        if self._has_ended or sig not in self._heeds:
            return
        if self.should_exit:
            self._end("Stopped at once.", 0)
        self._hurries = sig != signal.SIGTERM
        super().handle_exit(sig, frame)
        patience = longest_stop(drains=not self._hurries)
        what = "Stopped without waiting any longer for what still ran."
        hard_stop = threading.Timer(patience, self._end, (what, 1))
        hard_stop.daemon = True
        hard_stop.start()

    async def _drain(self, sockets: list[socket.socket]) -> None:
        from dddp.conf import conf

        hub = _hub()
        hub.leaving = True
        await asyncio.sleep(conf.shutdown_delay_seconds)
        for server in self.servers:
            server.close()
        for sock in sockets:
            sock.close()
        await hub.drain()

    def _end(self, what: str, code: int) -> None:
        print(what, file=sys.stderr, flush=True)
        self._on_exit()
        os._exit(code)


def _hub() -> Hub:
    from dddp.session.hub import get_hub

    return get_hub()


def _waits_for_request(connection: Any) -> bool:
    """Is this one of uvicorn's HTTP connections, between requests?"""
    cycle = getattr(connection, "cycle", connection)
    return cycle is None or (cycle is not connection and cycle.response_complete)


def _spare_collections() -> None:
    """Look for garbage in cycles less often, and never among what has been loaded so far.

    Most of what a server has lives as long as a connection: looking through it was a tenth of the
    CPU time of fan-out with 1,000 clients.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(GARBAGE, 5, 2)


def longest_stop(*, drains: bool) -> float:
    """Seconds by which a process has ended after a signal."""
    from dddp.conf import conf

    seconds: float = HARD_STOP_SECONDS
    if drains:
        seconds += conf.shutdown_delay_seconds
        seconds += conf.shutdown_spread_seconds + conf.shutdown_method_seconds
    return seconds


class UnixPeers:
    """What comes over a unix socket comes from this machine: a proxy's headers count as they do
    from 127.0.0.1, if that is among FORWARDED_ALLOW_IPS, as it is by default.

    A proxy that does not say whose request it is leaves the client's address unknown: it is not
    this machine's.
    """

    def __init__(self, app: Any) -> None:
        trusted = os.environ.get("FORWARDED_ALLOW_IPS", "127.0.0.1")
        self._app: Any = app
        self._proxied: Any = ProxyHeadersMiddleware(self._serve, trusted)

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "lifespan" and scope["client"] is None:
            scope["client"] = _PROXY
        await self._proxied(scope, receive, send)

    async def _serve(self, scope: Any, receive: Any, send: Any) -> None:
        if scope.get("client") is _PROXY:
            scope["client"] = None
        await self._app(scope, receive, send)


def serve(
    options: Options,
    sockets: list[socket.socket],
    on_ready: Callable[[], None],
    on_exit: Callable[[], None] = lambda: None,
    heeds: Collection[int] = SIGNALS,
) -> int:
    """Serve until a signal; the project must have been loaded.

    Args:
        sockets: bound and listening.
        on_ready, on_exit, heeds: see `DDPServer`.

    Returns:
        The exit code: 0, or STARTUP_FAILURE when the application did not start, which is logged.
    """
    server = DDPServer(_config(options), on_ready, on_exit, heeds)
    for number in {*SIGNALS, *heeds}:
        # Uvicorn takes these over while it runs, then hands every signal it got to these.
        signal.signal(number, server.handle_exit)
    try:
        server.run(sockets=sockets)
    except SystemExit:
        return STARTUP_FAILURE
    return 0 if server.started or server.should_exit else STARTUP_FAILURE


def _http() -> Any:
    try:
        from dddp.server.http import HttpProtocol
    except ImportError:  # there is no httptools for this system
        return "h11"
    return HttpProtocol


def _config(options: Options) -> Config:
    from dddp.asgi import application
    from dddp.conf import conf
    from dddp.transports.framing import websocket_limit
    from dddp.transports.upgrade import WebSocketProtocol

    on_unix = any(each.path for each in options.addresses)
    return Config(
        UnixPeers(application) if on_unix else application,
        proxy_headers=not on_unix,
        http=_http(),
        ws=WebSocketProtocol,
        ws_max_size=websocket_limit(conf.max_message_bytes),
        ws_ping_interval=None,  # DDP has its own heartbeat
        ws_per_message_deflate=False,
        lifespan="on",
        log_config=None,
        access_log=options.verbose,
        server_header=False,
        timeout_graceful_shutdown=GRACE_SECONDS,
        ssl_ciphers=CIPHERS,
        ssl_certfile=options.ssl_certfile,
        ssl_keyfile=options.ssl_keyfile,
    )
