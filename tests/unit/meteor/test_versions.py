"""What has a page reload, and what has it change its stylesheets only."""

from __future__ import annotations

import pytest

from dddp.meteor import conf
from dddp.meteor.bundle import read_bundle
from dddp.meteor.versions import announced, of_page, versions
from tools.meteor_bundle import App

REFRESHABLE, REST = "versionRefreshable", "versionNonRefreshable"


def versions_of(folder, public=None, **changes):
    program = read_bundle(str(App(**changes).write(folder))).programs["web.browser"]
    return versions(program, public or {})


@pytest.mark.parametrize(
    ("changes", "differ"),
    [
        ({}, set()),
        ({"css": "b {}"}, {"version", REFRESHABLE}),
        ({"js": "1"}, {"version", REST}),
        ({"head": "<title>x</title>"}, {"version", REST}),
        ({"assets": {}}, {"version", REST}),
        ({"public": {"x": 1}}, {"version", REFRESHABLE, REST, "versionReplaceable"}),
    ],
)
def test_what_changes_with_what(tmp_path, changes, differ):
    before, after = versions_of(tmp_path / "a"), versions_of(tmp_path / "b", **changes)
    assert {kind for kind in before if before[kind] != after[kind]} == differ


def test_nothing_is_announced_without_a_bundle():
    assert announced() == {}


def test_a_page_says_what_is_announced(bundle):
    pages = of_page(read_bundle(str(bundle)))
    assert set(pages) == set(announced()) == {"web.browser", "web.browser.legacy"}
    assert pages == announced()


def test_so_does_a_page_of_another_bundle(bundle, tmp_path):
    other = read_bundle(str(App(js="other").write(tmp_path / "other")))
    assert of_page(other) == of_page(read_bundle(str(bundle)))


def test_a_page_of_a_bundle_that_is_not_announced_says_what_it_is(tmp_path):
    bundle = read_bundle(str(App().write(tmp_path)))
    assert of_page(bundle)["web.browser"] == versions(bundle.programs["web.browser"], {})


def test_public_settings_come_from_everywhere(settings_of_meteor, monkeypatch):
    settings_of_meteor(
        METEOR_SETTINGS={"private": 1, "public": {"a": {"x": 1, "y": 1}, "b": 1}},
        METEOR_PUBLIC_ENVS=["SHOWN", "UNSET"],
    )
    monkeypatch.setenv("METEOR_SETTINGS", '{"public": {"a": {"y": 2, "z": 2}}}')
    monkeypatch.setenv("METEOR_PUBLIC_ENVS", "ALSO, ")
    monkeypatch.setenv("SHOWN", "s")
    monkeypatch.setenv("ALSO", "t")
    monkeypatch.setenv("LAST", "u")
    found = conf.public_settings({"public": {"a": {"z": 3}}, "secret": 1}, ["LAST"])
    assert found == {
        "a": {"x": 1, "y": 2, "z": 3},
        "b": 1,
        "SHOWN": "s",
        "ALSO": "t",
        "LAST": "u",
    }
