"""What clients send to log in, and what they are told."""

import hashlib

import pytest

from dddp.api import MeteorError
from dddp.session.info import ConnectionInfo

PASSWORD = "correct horse battery"
LOCAL = ConnectionInfo("127.0.0.1", ((b"host", b"localhost:8000"), (b"user-agent", b"tests")))
CHECK = MeteorError(403, "Something went wrong. Please check your credentials.")
MATCH_FAILED = MeteorError(400, "Match failed")
LOGGED_OUT = MeteorError(403, "You've been logged out by the server. Please log in again.")
CLOSED = (1000, "Normal closure")


def digest(password):
    """What a stock client sends for a password."""
    return {"digest": hashlib.sha256(password.encode()).hexdigest(), "algorithm": "sha-256"}


def by_name(name, password):
    return {"user": {"username": name}, "password": password}


async def refusal(client, method, *params):
    """The error that a call is answered with."""
    with pytest.raises(MeteorError) as caught:
        await client.call(method, *params)
    return caught.value


def same(error, expected):
    """Do two errors look the same on the wire?"""
    return error.as_wire() == expected.as_wire()
