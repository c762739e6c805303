"""`this`: in a call it is the call's, elsewhere a mistake."""

from __future__ import annotations

import asyncio
import contextvars
from types import SimpleNamespace
from typing import Any

import pytest
from django.contrib.auth.models import AnonymousUser
from django.test import modify_settings

from dddp.api import this
from dddp.api.this import Invocation, current
from dddp.random_stream import RandomStreams
from dddp.session.info import ConnectionInfo


def within(invocation: Invocation, name: str) -> object:
    def ask() -> object:
        current.set(invocation)
        return getattr(this, name)

    return contextvars.copy_context().run(ask)


NAMES = [
    *("connection", "is_simulation", "random_seed", "random_streams", "request"),
    *("set_user_id", "unblock", "user", "user_ddp_id", "user_id"),
]


@pytest.mark.parametrize("name", NAMES)
def test_outside_of_a_call(name: str) -> None:
    with pytest.raises(
        RuntimeError, match=rf"this\.{name} can be used in methods and publications"
    ):
        getattr(this, name)


class TestInside:
    def test_what_the_call_has(self) -> None:
        connection = object()
        invocation = Invocation(user_id="7", connection=connection)
        assert within(invocation, "user_id") == "7"
        assert within(invocation, "connection") is connection
        assert within(invocation, "is_simulation") is False

    def test_nobody_is_logged_in(self) -> None:
        assert isinstance(within(Invocation(), "user"), AnonymousUser)

    def test_the_user_is_loaded_once(self) -> None:
        invocation = Invocation()
        assert within(invocation, "user") is within(invocation, "user")

    def test_random_streams_of_the_client(self) -> None:
        invocation = Invocation(random_streams=RandomStreams("abc"))
        streams = within(invocation, "random_streams")
        assert isinstance(streams, RandomStreams)
        assert streams.for_collection("foo").id() == "G54c3DHP7bs64gZRr"

    def test_random_seed(self) -> None:
        assert within(Invocation(random_streams=RandomStreams("abc")), "random_seed") == "abc"
        invocation = Invocation()
        seed = within(invocation, "random_seed")
        assert isinstance(seed, str)
        assert len(seed) == 43
        assert within(invocation, "random_seed") == seed

    def test_the_users_document(self) -> None:
        assert within(Invocation(), "user_ddp_id") is None
        assert within(Invocation(user_id="7"), "user_ddp_id") == "7"

    def test_unknown_names(self) -> None:
        with pytest.raises(AttributeError):
            within(Invocation(), "nope")

    async def test_tasks_do_not_see_each_other(self) -> None:
        async def ask(id: str) -> str | None:
            current.set(Invocation(user_id=id))
            await asyncio.sleep(0)
            user_id: str | None = this.user_id
            return user_id

        assert await asyncio.gather(*map(ask, "abc")) == ["a", "b", "c"]


class TestNested:
    def test_has_what_its_caller_has(self) -> None:
        connection = object()
        caller = Invocation(user_id="7", connection=connection, no_login=None)
        nested = caller.nested("wire/random_ids")
        assert (nested.user_id, nested.connection) == ("7", connection)

    def test_draws_from_a_stream_of_the_callers(self) -> None:
        """Values drawn by Meteor 3 from the same seed."""
        caller = Invocation(random_streams=RandomStreams("seed0123456789abcdef"))
        nested = caller.nested("wire/randomIds")
        assert nested.random_seed == "424531de6b9cee49ec36"
        assert nested.random_streams.for_collection("wire").id() == "g6qGLnEPYftzBpBYB"

    def test_logs_its_caller_in(self) -> None:
        caller = Invocation(no_login=None)
        caller.nested("a").nested("b").set_user_id("7")
        assert (caller.user_id, caller.user_was_set) == ("7", True)

    def test_does_not_unblock(self) -> None:
        unblocked: list[int] = []
        caller = Invocation(no_login=None, on_unblock=lambda: unblocked.append(1))
        caller.nested("a").unblock()
        caller.set_user_id("7")
        assert unblocked == []


class TestUnblock:
    def test_lets_others_go_on(self) -> None:
        unblocked: list[int] = []
        Invocation(no_login=None, on_unblock=lambda: unblocked.append(1)).unblock()
        assert unblocked == [1]

    def test_ends_the_time_to_log_in(self) -> None:
        invocation = Invocation(no_login=None, on_unblock=lambda: None)
        invocation.unblock()
        with pytest.raises(RuntimeError, match="in a method after calling unblock"):
            invocation.set_user_id("7")
        with pytest.raises(RuntimeError, match="in a method after calling unblock"):
            invocation.nested("a").set_user_id("7")

    def test_does_nothing_once_somebody_logs_in(self) -> None:
        unblocked: list[int] = []
        invocation = Invocation(no_login=None, on_unblock=lambda: unblocked.append(1))
        invocation.set_user_id("7")
        invocation.unblock()
        invocation.set_user_id("8")
        assert unblocked == []

    def test_in_publications(self) -> None:
        with pytest.raises(RuntimeError, match="in methods and `publish` only"):
            Invocation().unblock()


class TestOfTheServer:
    def test_is_nobodys(self) -> None:
        invocation = Invocation.of_server()
        assert (invocation.user_id, invocation.connection) == (None, None)
        invocation.unblock()

    def test_logs_nobody_in(self) -> None:
        with pytest.raises(RuntimeError, match="on a server initiated method call"):
            Invocation.of_server().set_user_id("7")

    def test_has_no_request(self) -> None:
        with pytest.raises(RuntimeError, match="there is no client"):
            _ = Invocation.of_server().request


class TestRequest:
    def request(self, user_id: str | None = None, **options: Any) -> Any:
        connection = SimpleNamespace(request=ConnectionInfo(**options).request)
        return Invocation(user_id=user_id, connection=connection).request

    def test_is_the_handshake(self) -> None:
        headers = ((b"host", b"example.com"), (b"user-agent", b"x"), (b"cookie", b"a=1; b=2"))
        request = self.request(
            address="192.0.2.7", headers=headers, path="/websocket", query=b"q=%C3%A9", secure=True
        )
        assert request.META["HTTP_USER_AGENT"] == "x"
        assert request.META["REMOTE_ADDR"] == "192.0.2.7"
        assert request.COOKIES == {"a": "1", "b": "2"}
        assert request.GET["q"] == "é"
        assert (request.method, request.path) == ("GET", "/websocket")
        assert request.is_secure()

    def test_nobody_is_logged_in(self) -> None:
        request = self.request()
        assert not request.user.is_authenticated
        assert not request.is_secure()

    def test_is_kept(self) -> None:
        connection = SimpleNamespace(request=ConnectionInfo().request)
        invocation = Invocation(connection=connection, no_login=None)
        request = invocation.request
        assert invocation.request is request
        invocation.set_user_id("7")
        assert invocation.request is not request

    @pytest.mark.parametrize(
        "header",
        [
            (b"content-type", b"text/plain; x*=nowhere''%20"),
            (b"content-type", b"text/plain; charset=nowhere"),
            (b"content-length", b"-x"),
            (b"cookie", b"\xff=\xff; ; =; a"),
            (b"host", b"\xff"),
            (b"\xff\xff", b"\x00"),
        ],
    )
    def test_of_odd_headers(self, header: tuple[bytes, bytes]) -> None:
        request = self.request(headers=(header,), query=b"a=\xff&%ff", path="/\xff")
        assert request.content_type in (None, "")
        assert not request.is_secure()
        assert request.GET["a"] == "\ufffd"
        assert isinstance(request.COOKIES, dict)

    def test_session_of_the_cookie(self) -> None:
        key = "k" * 32
        headers = ((b"cookie", f"sessionid={key}".encode()),)
        with modify_settings(INSTALLED_APPS={"append": "django.contrib.sessions"}):
            request = self.request(headers=headers)
        assert request.session.session_key == key
