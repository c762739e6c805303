"""What clients are told of exceptions."""

from __future__ import annotations

import logging
from typing import Any

import pytest
from django.core.exceptions import PermissionDenied, ValidationError
from django.http import Http404
from django.test import override_settings
from django.utils.translation import gettext_lazy

from bookstore.models import Author
from dddp.exceptions import MeteorError
from dddp.session.errors import wire_error

B_A = {"message": "B [a]"}
WHAT = "Method 'x' of user 5 at 192.0.2.7 (session abc)"


def told(error: BaseException) -> dict[str, Any]:
    wire = wire_error(error, WHAT)
    assert wire.pop("isClientSafe") is True
    assert wire.pop("errorType") == "Meteor.Error"
    return wire


class TestMeteorErrors:
    @pytest.mark.parametrize(
        ("error", "wire"),
        [
            (MeteorError("a", "B", [1]), {"error": "a", "reason": "B", "details": [1]} | B_A),
            (MeteorError("a", "B", ""), {"error": "a", "reason": "B", "details": ""} | B_A),
            (MeteorError(403), {"error": 403, "message": "[403]"}),
            (MeteorError("a", ""), {"error": "a", "reason": "", "message": "[a]"}),
        ],
    )
    def test_are_sent_whole(
        self, error: MeteorError, wire: dict[str, Any], caplog: pytest.LogCaptureFixture
    ) -> None:
        assert told(error) == wire
        assert caplog.text == ""


class TestErrorsOfDjango:
    @pytest.mark.parametrize(
        ("error", "code", "reason"),
        [
            (PermissionDenied("secret"), 403, "Permission denied"),
            (Author.DoesNotExist("secret"), 404, "Not found"),
            (Http404("secret"), 404, "Not found"),
        ],
    )
    def test_have_a_code_and_no_details(self, error: Exception, code: int, reason: str) -> None:
        assert told(error) == {"error": code, "reason": reason, "message": f"{reason} [{code}]"}

    @pytest.mark.parametrize(
        ("given", "details"),
        [
            ("Wrong.", {"__all__": ["Wrong."]}),
            (["One.", "Two."], {"__all__": ["One.", "Two."]}),
            ({"title": ["Too long.", "Too odd."]}, {"title": ["Too long.", "Too odd."]}),
            (gettext_lazy("This field is required."), {"__all__": ["This field is required."]}),
        ],
    )
    def test_of_validation_have_the_messages(self, given: Any, details: Any) -> None:
        assert told(ValidationError(given)) == {
            "error": 400,
            "reason": "Validation failed",
            "details": details,
            "message": "Validation failed [400]",
        }

    def test_of_validation_with_parameters(self) -> None:
        error = ValidationError("%(value)s is odd.", params={"value": 3})
        assert told(error)["details"] == {"__all__": ["3 is odd."]}

    @pytest.mark.parametrize(("level", "traced"), [(logging.INFO, False), (logging.DEBUG, True)])
    def test_are_in_the_log_for_those_who_want(
        self, caplog: pytest.LogCaptureFixture, level: int, traced: bool
    ) -> None:
        with caplog.at_level(level, "dddp.session"):
            told(Author.DoesNotExist("secret"))
        (record,) = caplog.records
        assert record.levelname == "INFO"
        assert record.message == f"{WHAT} was refused: DoesNotExist"
        assert bool(record.exc_info) is traced


class TestOthers:
    @pytest.mark.parametrize("error", [ValueError("secret"), SystemExit(1), KeyError("secret")])
    def test_are_500_and_in_the_log(
        self, error: BaseException, caplog: pytest.LogCaptureFixture
    ) -> None:
        assert told(error) == {
            "error": 500,
            "reason": "Internal server error",
            "message": "Internal server error [500]",
        }
        (record,) = caplog.records
        assert (record.levelname, record.message) == ("ERROR", f"{WHAT} failed")
        assert record.exc_info is not None

    @override_settings(DEBUG=True)
    def test_under_debug_the_details_say_which(self) -> None:
        assert told(ValueError("wrong"))["details"] == "ValueError: wrong"
