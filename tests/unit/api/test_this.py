"""`this`: in a call it is the call's, elsewhere a mistake."""

from __future__ import annotations

import asyncio
import contextvars

import pytest
from django.contrib.auth.models import AnonymousUser

from dddp.api import this
from dddp.api.this import Invocation, current
from dddp.random_stream import RandomStreams


def within(invocation: Invocation, name: str) -> object:
    def ask() -> object:
        current.set(invocation)
        return getattr(this, name)

    return contextvars.copy_context().run(ask)


@pytest.mark.parametrize("name", ["user", "user_id", "connection", "random_streams"])
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
