"""Methods as functions of an `APIMixin` subclass."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, ClassVar, TypeVar, overload

Function = Callable[..., Any]
F = TypeVar("F", bound=Function)


@overload
def api_endpoint(path_or_func: F) -> F: ...
@overload
def api_endpoint(
    path_or_func: str | None = None,
    decorate: bool = True,
    transaction: bool = True,
    on_loop: bool = False,
) -> Callable[[F], F]: ...
def api_endpoint(
    path_or_func: Any = None,
    decorate: bool = True,
    transaction: bool = True,
    on_loop: bool = False,
) -> Any:
    """Let clients call this function, `def` or `async def`.

    Bare, `@api_endpoint`, under its own name; or under another, `@api_endpoint("path")`. The name
    on the wire is the class's `api_path_prefix` followed by the path.

    Args:
        decorate: apply the decorators of `DDP_API_ENDPOINT_DECORATORS`.
        transaction: each call has a transaction of its own.
        on_loop: calls run on the server's event loop, which they must not block; for `async def`
            without a transaction.
    """

    def mark(function: Any, path: str) -> Any:
        function.api_path, function.api_options = path, (decorate, transaction, on_loop)
        return function

    if callable(path_or_func):
        return mark(path_or_func, path_or_func.__name__)
    return lambda function: mark(function, path_or_func or function.__name__)


class APIMixin:
    """A class whose functions marked with `@api_endpoint` are methods for clients.

    Attributes:
        api_path_prefix: put before each path: "/" unless set; "" for none.
        api_providers: others, classes or instances, whose methods are offered with this one's,
            under prefixes of their own.
    """

    api_path_prefix: ClassVar[str] = "/"
    api_providers: ClassVar[Sequence[APIMixin | type[APIMixin]]] = ()

    def api_endpoints(self) -> Iterator[tuple[str, Function]]:
        """The methods of this provider: (name on the wire, bound function)."""
        for name in dir(type(self)):
            path = getattr(getattr(type(self), name, None), "api_path", None)
            if isinstance(path, str):
                yield self.get_api_path_prefix() + path, getattr(self, name)
        for provider in self.api_providers:
            instance = provider() if isinstance(provider, type) else provider
            yield from instance.api_endpoints()

    def get_api_path_prefix(self) -> str:
        """What precedes the paths of this provider's methods."""
        return self.api_path_prefix
