"""What a client is told of an error, and that all errors are one tree."""

from __future__ import annotations

import inspect
import pickle

import pytest

from dddp import exceptions
from dddp.exceptions import DDPError, MeteorError


def test_one_tree() -> None:
    classes = [
        each
        for _, each in inspect.getmembers(exceptions, inspect.isclass)
        if each.__module__ == exceptions.__name__
    ]
    assert all(issubclass(each, DDPError) for each in classes)
    assert {each.__name__ for each in classes} == {
        "ConfigurationError",
        "DDPError",
        "ListenerError",
        "MeteorError",
        "QueryNotLive",
        "ServerStopping",
        "SubscriptionEnded",
    }
    assert all(each.__name__ in (exceptions.__doc__ or "") for each in classes)


@pytest.mark.parametrize(
    ("error", "wire"),
    [
        (
            MeteorError("not-found", "No such book."),
            {
                "isClientSafe": True,
                "error": "not-found",
                "reason": "No such book.",
                "message": "No such book. [not-found]",
                "errorType": "Meteor.Error",
            },
        ),
        (
            MeteorError(404),
            {
                "isClientSafe": True,
                "error": 404,
                "message": "[404]",
                "errorType": "Meteor.Error",
            },
        ),
        (
            MeteorError("x", "", {"field": ["a"]}),
            {
                "isClientSafe": True,
                "error": "x",
                "reason": "",
                "details": {"field": ["a"]},
                "message": "[x]",
                "errorType": "Meteor.Error",
            },
        ),
        (
            MeteorError("x", details=0),
            {
                "isClientSafe": True,
                "error": "x",
                "details": 0,
                "message": "[x]",
                "errorType": "Meteor.Error",
            },
        ),
    ],
)
def test_on_the_wire_like_meteor_error(error: MeteorError, wire: dict[str, object]) -> None:
    assert error.as_wire() == wire


def test_text_is_the_message_of_meteor() -> None:
    assert str(MeteorError(403, "Access denied")) == "Access denied [403]"


def test_survives_pickling() -> None:
    copy = pickle.loads(pickle.dumps(MeteorError("a", "b", {"c": 1})))
    assert copy.as_wire() == MeteorError("a", "b", {"c": 1}).as_wire()
