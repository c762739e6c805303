"""The registry of what a project offers to clients."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, TypeVar

from asgiref.sync import sync_to_async
from django.db import connections
from django.db.models import Model
from django.utils.module_loading import autodiscover_modules

from dddp.api.collection import Collection
from dddp.api.endpoints import APIMixin, Function
from dddp.api.given_methods import given_method
from dddp.api.methods import Method
from dddp.api.publication import Publication
from dddp.api.rate_limit import Matcher, RateLimit, rate_limit_of
from dddp.api.this import Invocation, current
from dddp.conf import conf
from dddp.exceptions import ConfigurationError, MeteorError

Provider = type[APIMixin]
F = TypeVar("F", bound=Function)


class Registry:
    """Collections, publications and methods by name. `API` is the one of this process.

    Attributes:
        revision: counts what has been registered.
    """

    def __init__(self) -> None:
        self._collections: dict[str, Collection] = {}
        self._publications: dict[str, Publication] = {}
        self._methods: dict[str, Method] = {}
        self._watched: list[type[Model]] = []
        self._connection_hooks: list[Callable[[], Any]] = []
        self._rate_limits: list[RateLimit] = []
        self._configured: tuple[Any, list[RateLimit]] = ((), [])
        self.revision = 0

    def register(self, providers: Provider | Iterable[Provider]) -> None:
        """Offer `Collection`, `Publication` and `APIMixin` subclasses: one, or several.

        Raises:
            ConfigurationError: a name is taken by another class.
        """
        for provider in [providers] if isinstance(providers, type) else list(providers):
            if not (isinstance(provider, type) and issubclass(provider, APIMixin)):
                raise ConfigurationError(
                    f"API.register takes Collection, Publication and APIMixin subclasses, "
                    f"not {provider!r}."
                )
            self._add(provider())

    def _add(self, provider: APIMixin) -> None:
        self.revision += 1
        if isinstance(provider, Collection):
            _claim(self._collections, provider.name, provider, "collection")
        elif isinstance(provider, Publication):
            _claim(self._publications, provider.name, provider, "publication")
        for name, function in provider.api_endpoints():
            options = getattr(function, "api_options", (True, True, False))
            self._offer(Method(name, function, *options))

    def _offer(self, method: Method) -> None:
        _claim(self._methods, method.name, method, "method")

    def method(
        self,
        name: str,
        *,
        decorate: bool = True,
        transaction: bool = True,
        on_loop: bool = False,
    ) -> Callable[[F], F]:
        """Decorator: clients may call the function, `def` or `async def`, by this name.

        Args:
            decorate: apply the decorators of `DDP_API_ENDPOINT_DECORATORS`.
            transaction: each call has a transaction of its own.
            on_loop: calls run on the server's event loop, which they must not block; for
                `async def` without a transaction.

        Raises:
            ConfigurationError: the name is taken, or no string; or `on_loop` for something else.
        """
        if not isinstance(name, str):
            raise ConfigurationError(f'Methods need a name, as in @API.method("{name}").')

        def offer(function: F) -> F:
            self._offer(Method(name, function, decorate, transaction, on_loop))
            return function

        return offer

    def call(self, name: str, *params: Any) -> Any:
        """Call a method as the server; returns what it returns, raises what it raises.

        Within a method or publication it is called for the same client and user, and draws ids
        from a stream that the client's call of it would draw from, too; elsewhere for nobody.
        Within a transaction it has a savepoint.

        Raises:
            MeteorError: 404, or 400 for parameters that it does not take.
        """
        method = self.find_method(name)
        if method is None:
            raise MeteorError(404, f"Method '{name}' not found")
        caller = current.get(None)
        if caller is not None:
            return method.serve(caller.nested(name), params)
        connection = connections[conf.database]
        if not connection.in_atomic_block:
            # Nobody else may look after the connections of this thread.
            connection.close_if_unusable_or_obsolete()
        return method.serve(Invocation.of_server(), params)

    async def acall(self, name: str, *params: Any) -> Any:
        """`call`, to be awaited."""
        caller = current.get(None)
        if caller is not None and caller.run is not None:
            return await caller.run(self.call, name, *params, what=f"Method {name!r}")
        return await sync_to_async(self.call)(name, *params)

    def collections(self) -> list[Collection]:
        """Every registered collection."""
        return list(self._collections.values())

    def publications(self) -> list[Publication]:
        """Every registered publication."""
        return list(self._publications.values())

    def collection(self, name: str) -> Collection | None:
        """The collection of that name on the wire."""
        return self._collections.get(name)

    def collection_for(self, model: type[Model]) -> Collection | None:
        """The first collection registered for a model that is not `by_name_only`."""
        for collection in self._collections.values():
            if collection.model is model and not collection.by_name_only:
                return collection
        return None

    def watch(self, model: type[Model]) -> None:
        """Have changes of a model's table seen that has no collection, as `DDP_WATCH` does.

        For apps whose `set_user_id(while_exists=...)` depends on one.
        """
        self._watched.append(model)

    def watched(self) -> list[type[Model]]:
        """The models given to `watch`."""
        return list(self._watched)

    def on_connection(self, hook: Callable[[], Any]) -> Callable[[], Any]:
        """Decorator: call a function for each new connection, before anything is published to it.

        In a thread, with `this` as in a method: it may log the client in. What it raises is
        logged, and the connection goes on.
        """
        self._connection_hooks.append(hook)
        return hook

    def connection_hooks(self) -> list[Callable[[], Any]]:
        """The functions given to `on_connection`."""
        return list(self._connection_hooks)

    def publication(self, name: str) -> Publication | None:
        """The publication of that name."""
        return self._publications.get(name)

    def universal(self) -> list[Publication]:
        """The publications that every client gets, in order of registration."""
        return [each for each in self._publications.values() if each.universal]

    def methods(self) -> list[str]:
        """The names of all methods that the project offers."""
        return list(self._methods)

    def find_method(self, name: str) -> Method | None:
        """The method of that name, also those that every project has."""
        return self._methods.get(name) or given_method(name, self._collections)

    def rate_limit(
        self,
        requests: int,
        seconds: float,
        *,
        name: Matcher = None,
        type: Matcher = None,
        user: Matcher = None,
        address: Matcher = None,
        connection: Matcher = None,
        per: str | Iterable[str] = ("connection",),
    ) -> None:
        """Refuse more than so many requests in so many seconds: a rule more.

        The options are those of `dddp.api.rate_limit.RateLimit`.

        Raises:
            ConfigurationError: one of them makes no sense.
        """
        self._rate_limits.append(
            RateLimit(requests, seconds, user, address, connection, name, type, per)
        )

    def rate_limits(self) -> list[RateLimit]:
        """The rules of `DDP_RATE_LIMITS`, and those that have been added here."""
        given, rules = self._configured
        now = conf.rate_limits
        if given is not now:
            given = now
            rules = [rate_limit_of(options) for options in given]
            self._configured = given, rules
        return [*rules, *self._rate_limits]

    def own_rate_limits(self) -> list[RateLimit]:
        """The rules that have been added here."""
        return list(self._rate_limits)

    def autodiscover(self) -> None:
        """Import the `ddp` module of every installed app."""
        autodiscover_modules("ddp")


def _claim(names: dict[str, Any], name: str, value: Any, kind: str) -> None:
    taken = names.get(name)
    if taken is not None and _identity(taken) != _identity(value):
        raise ConfigurationError(
            f"Two {kind}s are named {name!r}: {_identity(taken)} and {_identity(value)}. "
            f"Rename one."
        )
    names[name] = value


def _identity(value: Any) -> str:
    if isinstance(value, Method):
        value = value.function
    named = value if hasattr(value, "__qualname__") else type(value)
    return f"{named.__module__}.{named.__qualname__}"


API = Registry()
