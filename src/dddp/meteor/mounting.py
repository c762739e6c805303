"""Where the page of the announced bundle is, for those who have no request to tell them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from django.urls import NoReverseMatch, URLPattern, URLResolver, get_resolver, reverse

from dddp.meteor.views import MeteorView


def link_prefix() -> str:
    """What pages put before the URLs of their stylesheets: "", "/app", "https://cdn.example.com".

    That of the first `MeteorView` in the URLconf without a bundle of its own.
    """
    for callback in _callbacks(get_resolver()):
        view = callback.view_class(**callback.view_initkwargs)  # type: ignore[attr-defined]  # see _callbacks
        if view.json_path is None:
            return str(view.link_prefix(_mount(callback)))
    return MeteorView().link_prefix("/")


def _callbacks(resolver: URLResolver) -> Iterator[Callable[..., Any]]:
    for pattern in resolver.url_patterns:
        if isinstance(pattern, URLResolver):
            yield from _callbacks(pattern)
        elif isinstance(pattern, URLPattern):
            view_class = getattr(pattern.callback, "view_class", None)
            if view_class is not None and issubclass(view_class, MeteorView):
                yield pattern.callback


def _mount(callback: Callable[..., Any]) -> str:
    for kwargs in ({"path": ""}, {}):
        try:
            return reverse(callback, kwargs=kwargs)
        except NoReverseMatch:
            continue
    return "/"
