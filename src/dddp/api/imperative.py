"""What a publication says itself, document by document, for data that is not in the database.

A session hands each of these publications a `Publisher` of its own, to which all of this is
passed on; everything may be called from any thread.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Protocol

from dddp.api.this import Invocation, this


class Publisher(Protocol):
    """What a session gives a publication that has a `publish` method."""

    invocation: Invocation
    params: Sequence[Any]

    @property
    def stopped(self) -> bool: ...
    def added(self, collection: str, id: Any, fields: Mapping[str, Any]) -> None: ...
    def changed(
        self, collection: str, id: Any, fields: Mapping[str, Any], cleared: Iterable[str]
    ) -> None: ...
    def removed(self, collection: str, id: Any) -> None: ...
    def ready(self) -> None: ...
    def stop(self, error: BaseException | None = None) -> None: ...
    def on_stop(self, callback: Callable[[], Any]) -> None: ...


class Imperative:
    """What `self` is in `Publication.publish`: one subscription of one client."""

    _publisher: Publisher | None = None

    def publish(self, *params: Any) -> Any:
        """Write this, as `def` or `async def`, to publish with `added`, `changed`, `removed`.

        `def publish` runs in a thread and should return soon; what it started may go on calling.
        `async def publish` runs on the server's event loop, and is cancelled when the
        subscription ends. Call `ready()` once the first documents have been added.
        """
        raise NotImplementedError

    def added(self, collection: str, id: Any, fields: Mapping[str, Any] | None = None) -> None:
        """Show a document; the id is sent as a string, the fields as EJSON.

        Fields of a document that this subscription has added before are added to it.
        """
        self._current().added(collection, id, fields or {})

    def changed(
        self,
        collection: str,
        id: Any,
        fields: Mapping[str, Any] | None = None,
        cleared: Iterable[str] = (),
    ) -> None:
        """Give fields new values, and take away those named in `cleared`.

        Raises KeyError for a document that this subscription has not added.
        """
        self._current().changed(collection, id, fields or {}, cleared)

    def removed(self, collection: str, id: Any) -> None:
        """Take a document away. Raises KeyError for one that this subscription has not added."""
        self._current().removed(collection, id)

    def ready(self) -> None:
        """The first documents are there."""
        self._current().ready()

    def error(self, exception: BaseException) -> None:
        """End with an error: all of a `MeteorError` is told to the client, of others nothing."""
        self._current().stop(exception)

    def stop(self) -> None:
        """End the subscription; its documents are removed."""
        self._current().stop()

    def on_stop(self, callback: Callable[[], Any]) -> None:
        """Have `callback()` called, or awaited, when the subscription ends, for whatever reason."""
        self._current().on_stop(callback)

    @property
    def stopped(self) -> bool:
        """Has the subscription ended?"""
        return self._current().stopped

    @property
    def params(self) -> list[Any]:
        """What the client passed."""
        return list(self._current().params)

    @property
    def user_id(self) -> str | None:
        """As `this.user_id`."""
        found: str | None = self._invocation().user_id
        return found

    @property
    def user(self) -> Any:
        """As `this.user`."""
        return self._invocation().user

    @property
    def connection(self) -> Any:
        """As `this.connection`."""
        return self._invocation().connection

    def _invocation(self) -> Any:
        return this if self._publisher is None else self._publisher.invocation

    def _current(self) -> Publisher:
        if self._publisher is None:
            raise RuntimeError("This can be used in a publication's `publish` method only.")
        return self._publisher
