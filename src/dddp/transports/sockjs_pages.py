"""What SockJS clients are told before a session: the greeting, /info, and the page for iframes."""

from __future__ import annotations

import hashlib
import secrets

import msgspec
from django.conf import settings
from django.templatetags.static import static
from django.utils.html import escape

from dddp.conf import conf
from dddp.protocol import sockjs
from dddp.transports import access, sockjs_headers
from dddp.transports.asgi_types import Headers, Scope, Send, header
from dddp.transports.replies import HTML, JSON, NO_CACHE, reply

IFRAME = """<!DOCTYPE html>
<html>
<head>
  <meta http-equiv="X-UA-Compatible" content="IE=edge" />
  <meta http-equiv="Content-Type" content="text/html; charset=UTF-8" />
  <script>
    document.domain = document.domain;
    _sockjs_onload = function(){SockJS.bootstrap_iframe();};
  </script>
  <script src="%s"></script>
</head>
<body>
  <h2>Don't panic!</h2>
  <p>This is a SockJS hidden iframe. It's used for cross domain magic.</p>
</body>
</html>"""

NO_LIBRARY = b"There are no iframe transports here: DDP_SOCKJS_URL does not name sockjs-client.\n"


async def greet(scope: Scope, send: Send) -> None:
    """The base URL itself."""
    await reply(scope, send, 200, b"Welcome to SockJS!\n")


async def info(scope: Scope, send: Send) -> None:
    """What this server can do; asked first by every client."""
    known = sockjs.info(
        secrets.randbits(32),
        websocket="websocket" in conf.sockjs_transports,
        cookie_needed=conf.sockjs_cookie,
    )
    headers = [NO_CACHE, *sockjs_headers.cors(scope)]
    await reply(scope, send, 200, msgspec.json.encode(known), JSON, headers)


async def iframe(scope: Scope, send: Send) -> None:
    """A page of this site that speaks to the server for a page of another site around it.

    It does what that page says, with the user's cookies. So only pages that may connect
    themselves may put it into theirs.
    """
    if not conf.sockjs_url:
        await reply(scope, send, 404, NO_LIBRARY)
        return
    body = (IFRAME % escape(library_url())).encode()
    tag = f'"{hashlib.sha256(body).hexdigest()[:32]}"'.encode()
    headers = [*sockjs_headers.cacheable(), *_may_be_framed(), (b"etag", tag)]
    if header(scope, b"if-none-match") == tag.decode():
        await reply(scope, send, 304, b"", None, headers)
    else:
        await reply(scope, send, 200, body, HTML, headers)


def library_url() -> str:
    """Where browsers find sockjs-client: a URL, or a path below STATIC_URL made into one."""
    url: str = conf.sockjs_url
    return url if url.startswith(("/", "http://", "https://")) else static(url)


def _may_be_framed() -> Headers:
    """CSP 3, "frame-ancestors": by whom, as `access.origin_allowed` says."""
    origins = [each.rstrip("/") for each in conf.allowed_origins or () if "://" in each]
    if "*" in (conf.allowed_origins or ()):
        return []
    bare = [each.replace("://*.", "://") for each in origins if "://*." in each]
    here = [f"http://{host}:*" for host in ("localhost", "*.localhost", "127.0.0.1")]
    allowed = ["'self'", *origins, *bare, *(here if settings.DEBUG else [])]
    ancestors = f"frame-ancestors {' '.join(allowed)}"
    policy: Headers = [(b"content-security-policy", ancestors.encode())]
    if len(allowed) == 1:
        # For browsers that do not know the policy.
        policy.append((b"x-frame-options", b"SAMEORIGIN"))
    return policy


def refused_by_host(scope: Scope) -> bool:
    """The Host is not one of ALLOWED_HOSTS."""
    return access.allowed_host(scope) is None
