"""Exceptions that asyncio takes for its own are errors of the method that raised them."""

import asyncio

import pytest

from dddp.exceptions import MeteorError


@pytest.mark.parametrize(
    "error", [StopIteration, GeneratorExit, asyncio.CancelledError, SystemExit]
)
async def test_whatever_a_method_raises_the_call_is_answered(client, method, error):
    @method
    def odd():
        raise error

    with pytest.raises(MeteorError, match="500"):
        await client.call("odd")
    assert await client.call("wire/echo", "still there") == ["still there"]
