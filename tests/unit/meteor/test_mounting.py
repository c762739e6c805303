"""Where stylesheets are that a client swaps."""

from __future__ import annotations

import types

import pytest
from django.urls import include, path, re_path

from dddp.meteor.mounting import link_prefix
from dddp.meteor.views import MeteorView

CATCH_ALL = r"^(?P<path>.*)$"


@pytest.fixture
def mount(settings_of_meteor):
    def mount(*patterns):
        urlconf = types.ModuleType("urlconf")
        urlconf.urlpatterns = list(patterns)
        settings_of_meteor(ROOT_URLCONF=urlconf)

    return mount


@pytest.mark.parametrize(
    ("patterns", "prefix"),
    [
        ([], ""),
        ([re_path(CATCH_ALL, MeteorView.as_view())], ""),
        ([re_path(r"^app/(?P<path>.*)$", MeteorView.as_view())], "/app"),
        ([path("app/", include([re_path(CATCH_ALL, MeteorView.as_view())]))], "/app"),
        ([path("shop/", MeteorView.as_view())], "/shop"),
        ([re_path(CATCH_ALL, MeteorView.as_view(root_url_path_prefix="/behind"))], "/behind"),
        (
            [
                re_path(r"^other/(?P<path>.*)$", MeteorView.as_view(json_path="x/star.json")),
                re_path(CATCH_ALL, MeteorView.as_view(bundled_js_css_prefix="https://cdn.org/")),
            ],
            "https://cdn.org",
        ),
    ],
)
def test_prefix(mount, patterns, prefix):
    mount(*patterns)
    assert link_prefix() == prefix


def test_a_setting_says_it(settings_of_meteor):
    settings_of_meteor(DDP_METEOR_ROOT_URL="https://example.com/app")
    assert link_prefix() == "/app"
