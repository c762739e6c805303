"""What tells an orchestrator or a balancer how a server process is.

    <DDP_HEALTH_PREFIX>/healthz    200: the event loop runs
    <DDP_HEALTH_PREFIX>/readyz     200: changes reach this process, and it does not stop; else 503

Not asked for a Host that ALLOWED_HOSTS has: who probes a process knows its address only.
"""

from __future__ import annotations

import asyncio
import logging

import msgspec

from dddp.conf import conf
from dddp.transports.asgi_types import Scope, Send, path_of
from dddp.transports.peers import Hub
from dddp.transports.replies import reply

logger = logging.getLogger("dddp.transports")

START_SECONDS = 2.0
"""How long an answer waits for the change feed, where a server speaks no lifespan."""

READY: tuple[int, str] = (200, "ready")
STOPPING = (503, "the server stops")
NO_FEED = (503, "the change feed is not live")


def probe_of(scope: Scope) -> str | None:
    """ "healthz" or "readyz" if that is asked for, else None."""
    prefix: str | None = conf.health_prefix
    if prefix is None or scope["type"] != "http":
        return None
    start = f"/{prefix.strip('/')}/".replace("//", "/")
    path = path_of(scope)
    name = path.removeprefix(start) if path.startswith(start) else ""
    return name if name in ("healthz", "readyz") else None


async def respond(scope: Scope, send: Send, probe: str, hub: Hub) -> None:
    """Answer a probe, as short JSON."""
    status, text = (200, "alive") if probe == "healthz" else await _readiness(hub)
    body = msgspec.json.encode({"status": text})
    await reply(scope, send, status, body, b"application/json", [(b"cache-control", b"no-store")])


async def _readiness(hub: Hub) -> tuple[int, str]:
    if hub.leaving:
        return STOPPING
    try:
        async with asyncio.timeout(START_SECONDS):
            await hub.start()
    except Exception:
        logger.debug("The change feed did not start", exc_info=True)
        return NO_FEED
    return READY if hub.ready else NO_FEED
