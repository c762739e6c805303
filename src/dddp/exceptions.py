"""What can go wrong, as one tree.

DDPError
├── MeteorError          what a client may be told
├── ConfigurationError   the operator or developer has to change something
├── ListenerError        the change feed cannot be followed
├── QueryNotLive         a queryset that cannot be published
├── ServerStopping       no client is taken any more
└── SubscriptionEnded    a publication goes on though nobody listens
"""

from __future__ import annotations

from typing import Any


class DDPError(Exception):
    """Root of the exceptions of this package."""


class MeteorError(DDPError):
    """An error that clients may see, raised by methods and publications.

    Args:
        error: a code, a string or a number: "not-found", 404.
        reason: a sentence for humans.
        details: anything EJSON can hold.
    """

    def __init__(self, error: str | int, reason: str | None = None, details: Any = None) -> None:
        super().__init__(error, reason, details)
        self.error = error
        self.reason = reason
        self.details = details

    def __str__(self) -> str:
        return f"{self.reason} [{self.error}]" if self.reason else f"[{self.error}]"

    def as_wire(self) -> dict[str, Any]:
        """The error as `result` and `nosub` carry it (Meteor.Error); absent parts left out."""
        wire: dict[str, Any] = {"isClientSafe": True, "error": self.error}
        if self.reason is not None:
            wire["reason"] = self.reason
        if self.details is not None:
            wire["details"] = self.details
        return {**wire, "message": str(self), "errorType": "Meteor.Error"}


class ConfigurationError(DDPError):
    """A sentence for whoever runs the server: what is wrong and what to do."""


class ListenerError(DDPError):
    """The change feed cannot be followed."""


class QueryNotLive(DDPError):
    """A queryset that cannot be kept live, and why."""


class ServerStopping(DDPError):
    """A client comes to a server that is about to stop: another one will take it."""


class SubscriptionEnded(DDPError):
    """Raised in a running `def publish` when it says something after its subscription has ended."""
