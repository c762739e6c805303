from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.http import HttpResponse
from django.test import RequestFactory

from dddp.meteor.views import MeteorView
from tools.meteor_bundle import App

CHROME = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 Chrome/140.0.0.0 Safari/537.36"

Get = Callable[..., HttpResponse]


@pytest.fixture
def app() -> App:
    return App()


@pytest.fixture
def bundle(app: App, tmp_path: Path, settings_of_meteor: Any) -> Path:
    """The app's folder, which is the one of DDP_METEOR_BUNDLE."""
    folder = app.write(tmp_path)
    settings_of_meteor(DDP_METEOR_BUNDLE=str(folder))
    return folder


@pytest.fixture
def settings_of_meteor(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    from django.conf import settings

    def change(**values: Any) -> None:
        for name, value in values.items():
            monkeypatch.setattr(settings, name, value, raising=False)

    return change


@pytest.fixture
def get(bundle: Path) -> Get:
    """`get("app.js", agent=..., method="head")`: what the view answers to it, mounted at /."""

    def ask(
        path: str = "",
        query: str = "",
        *,
        agent: str = CHROME,
        method: str = "get",
        mount: str = "/",
        view: dict[str, Any] | None = None,
        nonce: dict[str, object] | None = None,
        **headers: Any,
    ) -> HttpResponse:
        make = getattr(RequestFactory(), method)
        sent = {"Host": "localhost", "User-Agent": agent, **headers.pop("headers", {})}
        request = make(f"{mount}{path}{query}", headers=sent, **headers)
        for name, value in (nonce or {}).items():
            setattr(request, name, value)
        return MeteorView.as_view(**(view or {}))(request, path=path)

    return ask
