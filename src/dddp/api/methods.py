"""Methods: what clients, and the server itself, call by name."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from functools import partial
from typing import Any

from asgiref.sync import async_to_sync
from django.db import transaction
from django.utils.module_loading import import_string

from dddp.api.arguments import Arguments, takes_nothing
from dddp.api.this import Invocation, current
from dddp.conf import conf
from dddp.exceptions import ConfigurationError

Function = Callable[..., Any]


class Method:
    """A function with the name that it is called by.

    Args:
        function: `def` or `async def`; of a provider's, the bound one.
        decorate: apply the decorators of `DDP_API_ENDPOINT_DECORATORS`.

    Attributes:
        arguments: what the function takes.
        transaction: each call has a transaction, or within another's a savepoint.
        on_loop: a client's call runs on the server's event loop, and not in a thread.

    Raises:
        ConfigurationError: a decorator that cannot be imported; no coroutine, or one with a
            transaction, for the event loop.
    """

    def __init__(
        self,
        name: str,
        function: Function,
        decorate: bool = True,
        transaction: bool = True,
        on_loop: bool = False,
    ) -> None:
        if on_loop and (transaction or not inspect.iscoroutinefunction(function)):
            raise ConfigurationError(
                f"Method {name!r}: `on_loop` is for `async def`, with `transaction=False`."
            )
        self.name = name
        self.function = function
        self.arguments = Arguments(function)
        self.transaction = transaction
        self.on_loop = on_loop
        self._decorated = decorated(function) if decorate else function

    def bound(self, params: Sequence[Any]) -> Callable[[], Any]:
        """The call with what a client passes, to be made in a thread.

        Raises MeteorError as `Arguments.of` does.
        """
        return partial(_returned, self._decorated, self.arguments.of(params))

    async def awaited(self, params: Sequence[Any]) -> Any:
        """What it returns for a client, of a method on the event loop.

        Raises MeteorError as `Arguments.of` does.
        """
        result = self._decorated(*self.arguments.of(params))
        return await result if inspect.isawaitable(result) else result

    def block(self, using: str) -> AbstractContextManager[Any]:
        """The transaction to call it in, if it shall have one."""
        return transaction.atomic(using=using) if self.transaction else nullcontext()

    def serve(self, invocation: Invocation, params: Sequence[Any]) -> Any:
        """Call it as part of something else, in a savepoint or transaction of its own."""
        token = current.set(invocation)
        take_back_login = invocation.login_taker()
        try:
            call = self.bound(params)
            with self.block(conf.database):
                return call()
        except BaseException:
            take_back_login()
            raise
        finally:
            current.reset(token)


def _returned(function: Function, arguments: Sequence[Any]) -> Any:
    result = function(*arguments)
    return async_to_sync(_awaited)(result) if inspect.iscoroutine(result) else result


def decorated(function: Function) -> Function:
    """Apply the decorators that `DDP_API_ENDPOINT_DECORATORS` lists, the first one innermost.

    Those that can be called with nothing are, as in `@decorator()`; others as in `@decorator`.
    """
    for path in conf.api_endpoint_decorators or ():
        try:
            decorator = import_string(path)
        except ImportError as error:
            raise ConfigurationError(
                f"DDP_API_ENDPOINT_DECORATORS lists {path!r}, which cannot be imported: {error}"
            ) from error
        function = (decorator() if takes_nothing(decorator) else decorator)(function)
    return function


async def _awaited(coroutine: Any) -> Any:
    return await coroutine
