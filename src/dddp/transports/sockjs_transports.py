"""What each of SockJS's session URLs does."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs

from dddp.conf import conf
from dddp.protocol import sockjs
from dddp.transports import sockjs_headers, sockjs_requests, sockjs_responses
from dddp.transports.asgi_types import Headers, Receive, Scope, Send
from dddp.transports.peers import Hub
from dddp.transports.replies import NO_CACHE, REASONS, reply
from dddp.transports.sockjs_responses import ANOTHER, Form, Response
from dddp.transports.sockjs_sessions import HttpSession, Sessions
from dddp.transports.websocket import connection_info, start

logger = logging.getLogger("dddp.transports")

NOT_HERE = b"There is no such session in this server process.\n"
STICKY = (
    "A client of SockJS sent to a session that this process does not know: it has ended, or is in "
    "another process. If clients cannot stay connected: all requests of a session have to reach "
    "the process that has it; make the balancer do so, and give it one `dddp` for each process "
    "instead of --workers (docs/howto.md, Balance SockJS). This is said once."
)


class Complaint:
    """Something that is logged once."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._said = False

    def say(self) -> None:
        """Log it, unless that was."""
        if not self._said:
            self._said = True
            logger.warning(self._text)


UNKNOWN_SESSION = Complaint(STICKY)
FULL = Complaint("There are DDP_SOCKJS_SESSIONS sessions: clients are refused. This is said once.")


@dataclass(frozen=True, slots=True)
class Request:
    """An HTTP request for a session.

    Attributes:
        id: the session's.
        hub: gives the live side of this process.
        sessions: those of this process.
    """

    scope: Scope
    receive: Receive
    send: Send
    id: str
    hub: Callable[[], Hub]
    sessions: Sessions

    async def reply(self, status: int, body: bytes = b"", **options: Any) -> None:
        """Answer it without a session."""
        await reply(self.scope, self.send, status, body, **options)


class Endpoint:
    """One of the URLs.

    Args:
        method: of HTTP.
        transports: which need it, as in `DDP_SOCKJS_TRANSPORTS`; one of them has to be there.
        cors: pages of other sites may use it by scripts.
        act: what it does, given headers for its answer.
    """

    def __init__(
        self,
        method: str,
        transports: str,
        act: Callable[[Request, Headers], Awaitable[None]],
        *,
        cors: bool = True,
    ) -> None:
        self._transports = transports.split()
        self._method = method
        self._act = act
        # Only what is no GET is asked about before.
        self._preflight = cors and method == "POST"
        self._cors = cors

    @property
    def offered(self) -> bool:
        """Whether it is to be had."""
        return any(each in conf.sockjs_transports for each in self._transports)

    async def respond(self, request: Request) -> None:
        """Answer a request: refuse it, say what is allowed, or do what it is for."""
        scope = request.scope
        headers = [
            *(sockjs_headers.cors(scope) if self._cors else []),
            *sockjs_headers.cookie(scope),
        ]
        if scope["method"] == "OPTIONS" and self._preflight:
            allowed = sockjs_headers.preflight(self._method.encode())
            await request.reply(204, headers=[*allowed, *headers])
        elif scope["method"] != self._method:
            allow = f"OPTIONS, {self._method}" if self._preflight else self._method
            await request.reply(405, kind=None, headers=[(b"allow", allow.encode())])
        elif (status := sockjs_headers.refusal(scope)) is not None:
            await request.reply(status, REASONS[status], headers=[NO_CACHE, *headers])
        else:
            await self._act(request, headers)


async def _carry(request: Request, headers: Headers, form: Form) -> None:
    """Answer with messages of the session, which is opened if there is none."""
    session = await _session(request, headers, form)
    if session is None:
        return
    response = Response(session, form, request.receive, request.send, headers)
    if session.attach(response.stop):
        await response.run()
    else:
        frame = sockjs.close_frame(*ANOTHER)
        await sockjs_responses.tell(form, request.send, headers, frame)


async def _session(request: Request, headers: Headers, form: Form) -> HttpSession | None:
    """The session asked for; None if the request is answered otherwise."""
    owner = sockjs_headers.browser_session(request.scope)
    if request.sessions.find(request.id) is None:
        if (frame := request.sessions.close_frame(request.id)) is not None:
            await sockjs_responses.tell(form, request.send, headers, frame)
            return None
        if request.sessions.full:
            FULL.say()
            await request.reply(503, REASONS[503], headers=[NO_CACHE, *headers])
            return None
        if (status := await start(request.hub(), request.scope)) is not None:
            await request.reply(status, REASONS[status], headers=[NO_CACHE, *headers])
            return None
    # Asked again: while the hub was starting, another request may have opened it.
    session = request.sessions.find(request.id)
    if session is None:
        heeded = sockjs_headers.heeded(request.scope)
        info = connection_info({**request.scope, "headers": heeded}, form.transport)
        return request.sessions.open(request.id, request.hub().open(info), owner)
    if not session.is_of(owner):
        await request.reply(404, NOT_HERE, headers=[NO_CACHE, *headers])
        return None
    return session


async def _take_in(request: Request, headers: Headers, *, jsonp: bool = False) -> None:
    """Hand the messages of the request to its session."""
    owner = sockjs_headers.browser_session(request.scope)
    session = request.sessions.find(request.id)
    if session is not None and session.is_of(owner):
        await sockjs_requests.take_in(
            request.scope, request.receive, request.send, session, headers, jsonp=jsonp
        )
    elif session is None and request.sessions.close_frame(request.id) is not None:
        # The client is told why by the next answer with messages.
        await request.reply(204, headers=[NO_CACHE, *headers])
    else:
        UNKNOWN_SESSION.say()
        await request.reply(404, NOT_HERE, headers=[NO_CACHE, *headers])


async def _xhr(request: Request, headers: Headers) -> None:
    await _carry(request, headers, sockjs_responses.XHR)


async def _xhr_streaming(request: Request, headers: Headers) -> None:
    await _carry(request, headers, sockjs_responses.XHR_STREAMING)


async def _eventsource(request: Request, headers: Headers) -> None:
    await _carry(request, headers, sockjs_responses.EVENTSOURCE)


async def _htmlfile(request: Request, headers: Headers) -> None:
    await _with_callback(request, headers, sockjs_responses.htmlfile)


async def _jsonp(request: Request, headers: Headers) -> None:
    await _with_callback(request, headers, sockjs_responses.jsonp)


async def _jsonp_send(request: Request, headers: Headers) -> None:
    await _take_in(request, headers, jsonp=True)


async def _with_callback(
    request: Request, headers: Headers, form_for: Callable[[str], Form]
) -> None:
    query = parse_qs(
        request.scope.get("query_string", b"").decode("latin-1"), keep_blank_values=True
    )
    given = query.get("c") or query.get("callback")
    if given is None:
        await request.reply(500, b'"callback" parameter required', headers=headers)
    elif not sockjs.valid_callback(given[0]):
        await request.reply(500, b'invalid "callback" parameter', headers=headers)
    else:
        await _carry(request, headers, form_for(given[0]))


ENDPOINTS: dict[str, Endpoint] = {
    "xhr": Endpoint("POST", "xhr-polling", _xhr),
    "xhr_streaming": Endpoint("POST", "xhr-streaming", _xhr_streaming),
    "eventsource": Endpoint("GET", "eventsource", _eventsource),
    "htmlfile": Endpoint("GET", "htmlfile", _htmlfile, cors=False),
    "jsonp": Endpoint("GET", "jsonp-polling", _jsonp, cors=False),
    "xhr_send": Endpoint("POST", "xhr-polling xhr-streaming eventsource htmlfile", _take_in),
    "jsonp_send": Endpoint("POST", "jsonp-polling", _jsonp_send, cors=False),
}
