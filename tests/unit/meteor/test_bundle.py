"""Reading what `meteor build` makes."""

from __future__ import annotations

import json

import pytest
from django.core.exceptions import ImproperlyConfigured

from dddp.meteor.bundle import read_bundle
from tools.meteor_bundle import App


def test_programs_and_who_made_them(bundle):
    found = read_bundle(str(bundle))
    assert set(found.programs) == {"web.browser", "web.browser.legacy"}
    assert (found.release, found.app_id) == ("METEOR@3.0.4", "shop1234")


def test_star_json_may_be_named(bundle):
    for path in (bundle, bundle / "star.json"):
        assert read_bundle(str(path)).programs["web.browser"].head.startswith("<title>A shop")


def test_files_by_the_path_of_their_urls(bundle):
    program = read_bundle(str(bundle)).programs["web.browser"]
    (css,), early = program.css, program.js[0]
    assert set(program.files) == {
        "/packages/early.js",
        f"/packages/{early.hash}.map",
        "/app/app.js",
        css.url.partition("?")[0],
        "/icons/a b.svg",
        "/dynamic/imports/dialog.js",
        "/dynamic/node_modules/meteor/local_shop/x.js",
    }
    assert [file.path.name for file in program.js] == ["early.js", "app.js"]
    assert set(program.modules) == {"imports/dialog.js", "node_modules/meteor/local_shop/x.js"}
    assert program.head.startswith("<title>")
    assert program.body.startswith("<main")


def test_the_program_for_a_browser_or_the_other_one(tmp_path):
    def order(bundle, *, modern):
        return [program.arch for program in bundle.preferred(modern=modern)]

    both = read_bundle(str(App().write(tmp_path / "both")))
    assert order(both, modern=True) == ["web.browser", "web.browser.legacy"]
    assert order(both, modern=False) == ["web.browser.legacy", "web.browser"]
    one = read_bundle(str(App(archs=("web.browser",)).write(tmp_path / "one")))
    assert order(one, modern=False) == ["web.browser"]


def change_program(bundle, change):
    path = bundle / "programs" / "web.browser" / "program.json"
    program = json.loads(path.read_text())
    change(program)
    path.write_text(json.dumps(program))


@pytest.mark.parametrize("key", ["path", "sourceMap"])
@pytest.mark.parametrize("path", ["../server/secret.json", "/etc/hostname"])
def test_a_manifest_that_leads_elsewhere_is_refused(bundle, key, path):
    change_program(bundle, lambda program: program["manifest"][0].update({key: path}))
    with pytest.raises(ImproperlyConfigured, match="leads out of"):
        read_bundle(str(bundle))


def test_a_link_that_leads_elsewhere_is_refused(bundle):
    script = bundle / "programs" / "web.browser" / "app" / "app.js"
    script.unlink()
    script.symlink_to(bundle / "programs" / "server" / "secret.json")
    with pytest.raises(ImproperlyConfigured, match="leads out of"):
        read_bundle(str(bundle))


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("star.json", "{", "star.json is not what"),
        ("star.json", '{"format": "site-archive-pre9"}', "site-archive-pre9"),
        ("star.json", '{"format": "site-archive-pre1"}', "programs"),
        ("star.json", '{"format": "site-archive-pre1", "programs": []}', "no program for browsers"),
        ("star.json", "[]", "star.json is not what"),
        ("programs/web.browser/program.json", '{"format": "x"}', "'x'"),
        ("programs/web.browser/program.json", '{"format": "web-program-pre1"}', "manifest"),
    ],
)
def test_another_format_is_named(bundle, name, content, said):
    (bundle / name).write_text(content)
    with pytest.raises(ImproperlyConfigured, match=said):
        read_bundle(str(bundle))


def test_no_bundle_is_said(tmp_path):
    with pytest.raises(ImproperlyConfigured, match="meteor build --directory"):
        read_bundle(str(tmp_path / "nowhere"))
