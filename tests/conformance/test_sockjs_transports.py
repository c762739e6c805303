"""SockJS 0.3.3, "Session URLs"; classes are named after the protocol's own tests.

Its tests talk to a server that sends back what it gets. Here each text that is no DDP message is
answered with the same error.
"""

from __future__ import annotations

import asyncio
import json

import pytest

from tools.plain_http import Answer, SockJSSite
from tools.serving import Watched

ERROR = '{"msg":"error","reason":"Bad request"}'
QUOTED = json.dumps(ERROR)
IN_SCRIPT = json.dumps(f"a[{QUOTED}]")
BAD_CONNECT = json.dumps([json.dumps({"msg": "connect", "version": "9", "support": ["9"]})])
FAILED = 'a["{\\"msg\\":\\"failed\\",\\"version\\":\\"1\\"}"]\n'
GO_AWAY = 'c[1000,"Normal closure"]\n'
ANOTHER = 'c[2010,"Another connection still open"]\n'
INTERRUPTED = 'c[1002,"Connection interrupted"]\n'
NOT_CACHED = "no-store, no-cache, no-transform, must-revalidate, max-age=0"
SCRIPT = "application/javascript; charset=UTF-8"
TEXT = "text/plain; charset=UTF-8"
FORM = "application/x-www-form-urlencoded"
PRELUDE = "h" * 2048 + "\n"
HTMLFILE = """<!doctype html>
<html><head>
  <meta http-equiv="X-UA-Compatible" content="IE=edge" />
  <meta http-equiv="Content-Type" content="text/html; charset=UTF-8" />
</head><body><h2>Don't panic!</h2>
  <script>
    document.domain = document.domain;
    var c = parent.callback;
    c.start();
    function p(d) {c.message(d);};
    window.onload = function() {c.stop();};
  </script>"""


@pytest.fixture
def site(server: Watched) -> SockJSSite:
    return SockJSSite(f"{server.url}sockjs")


@pytest.fixture
async def session(site: SockJSSite) -> str:
    """The path of a session opened by polling."""
    path = site.session()
    assert (await site.post(f"{path}/xhr")).body == "o\n"
    return path


async def send(site: SockJSSite, session: str, body: str = '["x"]') -> None:
    answer = await site.post(f"{session}/xhr_send", body)
    assert (answer.status, answer.body) == (204, "")


class TestSessionURLs:
    @pytest.mark.parametrize("parts", ["/a", "/_", "/1", "/abcdefgh_i-j%20"])
    async def test_any_value(self, site: SockJSSite, parts: str) -> None:
        answer = await site.post(f"{parts}{site.session()[4:]}{parts[1:]}/xhr")
        assert (answer.status, answer.body) == (200, "o\n")

    @pytest.mark.parametrize("path", ["//", "/a./a", "/a/a.", "/./.", "/", "///"])
    async def test_invalid_paths(self, site: SockJSSite, path: str) -> None:
        assert (await site.get(f"{path}/xhr")).status == 404
        assert (await site.post(f"{path}/xhr")).status == 404

    async def test_ignoring_server_id(self, site: SockJSSite, session: str) -> None:
        await send(site, session)
        answer = await site.post(f"{session.replace('/000/', '/999/')}/xhr")
        assert answer.body == f"a[{QUOTED}]\n"


class TestProtocol:
    async def test_simple_session(self, site: SockJSSite, session: str) -> None:
        await send(site, session)
        assert (await site.post(f"{session}/xhr")).body == f"a[{QUOTED}]\n"
        assert (await site.post("/000/bad_session/xhr_send", '["a"]')).status == 404

    async def test_close_session(self, site: SockJSSite, session: str) -> None:
        await send(site, session, BAD_CONNECT)
        assert (await site.post(f"{session}/xhr")).body == FAILED
        for _ in range(3):
            answer = await site.post(f"{session}/xhr")
            assert (answer.status, answer.body) == (200, GO_AWAY)


class TestXhrPolling:
    async def test_transport(self, site: SockJSSite) -> None:
        path = site.session()
        opened = await site.post(f"{path}/xhr")
        assert (opened.status, opened.body) == (200, "o\n")
        verify_headers(opened, SCRIPT, origin="*")
        sent = await site.post(f"{path}/xhr_send", '["x"]')
        assert (sent.status, sent.body) == (204, "")
        verify_headers(sent, TEXT, origin="*")
        assert (await site.post(f"{path}/xhr")).body == f"a[{QUOTED}]\n"

    async def test_invalid_json(self, site: SockJSSite, session: str) -> None:
        for body, message in (('["x', "Broken JSON encoding."), ("", "Payload expected.")):
            answer = await site.post(f"{session}/xhr_send", body)
            assert (answer.status, answer.body) == (500, message)
        await send(site, session)
        assert (await site.post(f"{session}/xhr")).body == f"a[{QUOTED}]\n"

    async def test_content_types(self, site: SockJSSite, session: str) -> None:
        kinds = [
            *("text/plain", "T", "application/json", "application/xml", "", "text/xml"),
            *("application/json; charset=utf-8", "text/xml; charset=utf-8"),
        ]
        for kind in kinds:
            answer = await site.post(f"{session}/xhr_send", '["a"]', content_type=kind)
            assert (answer.status, answer.body) == (204, "")
        answer = await site.post(f"{session}/xhr")
        assert answer.body == f"a[{','.join([QUOTED] * len(kinds))}]\n"

    async def test_request_headers_cors(self, site: SockJSSite) -> None:
        own = {"origin": site.base.removesuffix("/sockjs")}
        for asked, allowed in (("a, b, c", "a, b, c"), ("", None), (None, None)):
            headers = {"access_control_request_headers": asked} if asked is not None else {}
            answer = await site.post(f"{site.session()}/xhr", **own, **headers)
            assert answer.headers["access-control-allow-origin"] == own["origin"]
            assert answer.headers["access-control-allow-credentials"] == "true"
            assert answer.headers.get("access-control-allow-headers") == allowed

    async def test_another_site(self, site: SockJSSite, session: str) -> None:
        for name in ("xhr", "xhr_send", "xhr_streaming"):
            answer = await site.post(f"{session}/{name}", '["a"]', origin="https://evil.example")
            assert answer.status == 403
            assert "access-control-allow-origin" not in answer.headers


class TestXhrStreaming:
    async def test_transport(self, site: SockJSSite) -> None:
        path = site.session()
        async with site.begin("POST", f"{path}/xhr_streaming") as response:
            assert response.status == 200
            assert response.headers["x-accel-buffering"] == "no"
            verify_headers(Answer(200, response.headers, ""), SCRIPT, origin="*")
            assert (await response.until(b"\n")).decode() == PRELUDE
            assert await response.until(b"\n") == b"o\n"
            await send(site, path)
            assert (await response.until(b"\n")).decode() == f"a[{QUOTED}]\n"

    async def test_response_limit(self, site: SockJSSite) -> None:
        path = site.session()
        async with site.begin("POST", f"{path}/xhr_streaming") as response:
            await response.until(b"o\n")
            # Each error holds what it is about: 7 of 20 KB are more than 128 KiB.
            long = json.dumps([json.dumps({"msg": "x" * 20_000})])
            for _ in range(7):
                await send(site, path, long)
            assert 128 * 1024 < len(await response.read()) < 180_000
        await send(site, path)
        assert (await site.post(f"{path}/xhr")).body == f"a[{QUOTED}]\n"


class TestEventSource:
    async def test_transport(self, site: SockJSSite) -> None:
        path = site.session()
        async with site.begin("GET", f"{path}/eventsource") as response:
            assert response.status == 200
            verify_headers(
                Answer(200, response.headers, ""), "text/event-stream; charset=UTF-8", origin="*"
            )
            assert await response.until(b"\n") == b"\r\n"
            assert await response.until(b"\r\n\r\n") == b"data: o\r\n\r\n"
            await send(site, path)
            event = (await response.until(b"\r\n\r\n")).decode()
            assert event == f"data: a[{QUOTED}]\r\n\r\n"
            await send(site, path, json.dumps([json.dumps({"msg": "  \0\n\r 5%"})]))
            event = (await response.until(b"\r\n\r\n")).decode()
            assert '"  \\\\u0000\\\\n\\\\r 5%25\\"' in event


class TestHtmlFile:
    async def test_transport(self, site: SockJSSite) -> None:
        path = site.session()
        async with site.begin("GET", f"{path}/htmlfile?c=%63allback") as response:
            assert response.status == 200
            verify_headers(Answer(200, response.headers, ""), "text/html; charset=UTF-8")
            head = await response.until(b"\r\n\r\n")
            assert head.decode().strip() == HTMLFILE
            assert len(head) > 1024
            end = b"</script>\r\n"
            assert await response.until(end) == b'<script>\np("o");\n</script>\r\n'
            await send(site, path)
            script = (await response.until(end)).decode()
            assert script == f"<script>\np({IN_SCRIPT});\n</script>\r\n"

    async def test_a_message_cannot_end_the_script(self, site: SockJSSite) -> None:
        path = site.session()
        async with site.begin("GET", f"{path}/htmlfile?c=callback") as response:
            await response.until(b'p("o");\n</script>\r\n')
            await send(site, path, json.dumps([json.dumps({"msg": "</script><img>"})]))
            script = (await response.until(b"</script>\r\n")).decode()
            assert script.endswith(");\n</script>\r\n")
            assert "\\u003cimg>" in script


class TestJsonPolling:
    async def test_transport(self, site: SockJSSite) -> None:
        path = site.session()
        opened = await site.get(f"{path}/jsonp?c=%63allback")
        assert (opened.status, opened.body) == (200, '/**/callback("o");\r\n')
        verify_headers(opened, SCRIPT)
        assert opened.headers["x-content-type-options"] == "nosniff"
        sent = await site.post(f"{path}/jsonp_send", "d=%5B%22x%22%5D", content_type=FORM)
        assert (sent.status, sent.body) == (200, "ok")
        verify_headers(sent, TEXT)
        answer = await site.get(f"{path}/jsonp?c=%63allback")
        assert answer.body == f"/**/callback({IN_SCRIPT});\r\n"

    @pytest.mark.parametrize("name", ["jsonp", "htmlfile"])
    async def test_callback(self, site: SockJSSite, name: str) -> None:
        answer = await site.get(f"/a/a/{name}")
        assert (answer.status, answer.body) == (500, '"callback" parameter required')
        for callback in ("%20", "*", "abc(", "abc%28"):
            answer = await site.get(f"/a/a/{name}?c={callback}")
            assert (answer.status, answer.body) == (500, 'invalid "callback" parameter')

    async def test_invalid_json(self, site: SockJSSite, session: str) -> None:
        bodies = [
            ("d=%5B%22x", "Broken JSON encoding."),
            *((body, "Payload expected.") for body in ("", "d=", "p=p")),
        ]
        for body, message in bodies:
            answer = await site.post(f"{session}/jsonp_send", body, content_type=FORM)
            assert (answer.status, answer.body) == (500, message)
        assert (
            await site.post(f"{session}/jsonp_send", "d=%5B%5D", content_type=FORM)
        ).body == "ok"

    async def test_content_types(self, site: SockJSSite, session: str) -> None:
        for body, kind in (("d=%5B%22abc%22%5D", FORM), ('["%61bc"]', "text/plain")):
            answer = await site.post(f"{session}/jsonp_send", body, content_type=kind)
            assert answer.body == "ok"
        answer = await site.get(f"{session}/jsonp?c=x")
        assert answer.body == f"/**/x({json.dumps(f'a[{QUOTED},{QUOTED}]')});\r\n"

    async def test_close(self, site: SockJSSite, session: str) -> None:
        await send(site, session, BAD_CONNECT)
        await site.get(f"{session}/jsonp?c=x")
        for _ in range(2):
            answer = await site.get(f"{session}/jsonp?c=x")
            assert answer.body == '/**/x("c[1000,\\"Normal closure\\"]");\r\n'


class TestJSONEncoding:
    """What one side escapes for the other's sake."""

    async def test_server_encodes(self, site: SockJSSite, session: str) -> None:
        ranges = [(0x200C, 0x200F), (0x2028, 0x202F), (0x2060, 0x206F), (0xFFF0, 0xFFFF)]
        killers = "".join(chr(n) for first, last in ranges for n in range(first, last + 1))
        body = json.dumps([json.dumps({"msg": killers}, ensure_ascii=False)], ensure_ascii=False)
        await send(site, session, body)
        answer = await site.post(f"{session}/xhr")
        assert "".join(f"\\u{ord(each):04x}" for each in killers) in answer.body

    async def test_server_decodes(self, site: SockJSSite, session: str) -> None:
        text = "\x7f\u00ad\u0600\u200b\ufeff\uffff é🎈"
        await send(site, session, json.dumps([json.dumps({"msg": text})]))
        answer = await site.post(f"{session}/xhr")
        (message,) = json.loads(answer.body[1:])
        assert json.loads(message)["offendingMessage"] == {"msg": text}


class TestHandlingClose:
    async def test_close_frame(self, site: SockJSSite) -> None:
        path = site.session()
        async with site.begin("POST", f"{path}/xhr_streaming") as response:
            await response.until(b"o\n")
            await send(site, path, BAD_CONNECT)
            assert (await response.read()).decode() == FAILED + GO_AWAY
        answer = await site.post(f"{path}/xhr_streaming")
        assert answer.body == PRELUDE + GO_AWAY

    async def test_close_request(self, site: SockJSSite) -> None:
        path = site.session()
        async with site.begin("POST", f"{path}/xhr_streaming") as response:
            await response.until(b"o\n")
            second = await site.post(f"{path}/xhr_streaming")
            assert second.body == PRELUDE + ANOTHER

    @pytest.mark.parametrize(
        ("method", "name"), [("POST", "xhr_streaming"), ("GET", "eventsource")]
    )
    async def test_abort_streaming(
        self, site: SockJSSite, session: str, method: str, name: str
    ) -> None:
        async with site.begin(method, f"{session}/{name}") as response:
            await response.until(b"\n")
            assert (await site.post(f"{session}/xhr")).body == ANOTHER
        assert await first_that_is_let_in(site, session) == INTERRUPTED

    async def test_abort_polling(self, site: SockJSSite, session: str) -> None:
        polls = [asyncio.create_task(site.post(f"{session}/xhr")) for _ in range(2)]
        done, waiting = await asyncio.wait(polls, return_when=asyncio.FIRST_COMPLETED)
        assert [poll.result().body for poll in done] == [ANOTHER]
        for poll in waiting:
            poll.cancel()
        await asyncio.wait(waiting)
        assert await first_that_is_let_in(site, session) == INTERRUPTED


async def first_that_is_let_in(site: SockJSSite, session: str) -> str:
    """Poll until the server has heard that the response before was left."""
    while (answer := await site.post(f"{session}/xhr")).body == ANOTHER:
        pass
    return answer.body


class TestHttp:
    async def test_chunked(self, site: SockJSSite) -> None:
        async with site.begin("POST", f"{site.session()}/xhr_streaming") as response:
            assert response.headers["transfer-encoding"] == "chunked"
            assert "content-length" not in response.headers

    async def test_length(self, site: SockJSSite) -> None:
        assert (await site.get("")).headers["content-length"] == "19"


def verify_headers(answer: Answer, kind: str, origin: str | None = None) -> None:
    assert answer.headers["content-type"] == kind
    assert answer.headers["cache-control"] == NOT_CACHED
    assert not {"expires", "last-modified"} & answer.headers.keys()
    if origin is not None:
        assert answer.headers["access-control-allow-origin"] == origin
