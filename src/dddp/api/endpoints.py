"""Methods: functions of an `APIMixin` subclass that clients may call by name."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, ClassVar, TypeVar, overload

Function = Callable[..., Any]
F = TypeVar("F", bound=Function)


@overload
def api_endpoint(path_or_func: F) -> F: ...
@overload
def api_endpoint(path_or_func: str | None = None) -> Callable[[F], F]: ...
def api_endpoint(path_or_func: Any = None) -> Any:
    """Let clients call this function.

    Bare, `@api_endpoint`, under its own name; or under another, `@api_endpoint("path")`. The name
    on the wire is the class's `api_path_prefix` followed by the path.
    """
    if callable(path_or_func):
        return _mark(path_or_func, path_or_func.__name__)
    return lambda function: _mark(function, path_or_func or function.__name__)


def _mark(function: F, path: str) -> F:
    function.api_path = path  # type: ignore[attr-defined]
    return function


class APIMixin:
    """A class whose functions marked with `@api_endpoint` are methods for clients.

    Attributes:
        api_path_prefix: put before each path: "/" unless set; "" for none.
    """

    api_path_prefix: ClassVar[str] = "/"

    def api_endpoints(self) -> Iterator[tuple[str, Function]]:
        """The methods of this provider: (name on the wire, bound function)."""
        for name in dir(type(self)):
            path = getattr(getattr(type(self), name, None), "api_path", None)
            if isinstance(path, str):
                yield self.get_api_path_prefix() + path, getattr(self, name)

    def get_api_path_prefix(self) -> str:
        """What precedes the paths of this provider's methods."""
        return self.api_path_prefix
