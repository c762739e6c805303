"""`MeteorView`: pages and files of a bundle."""

from __future__ import annotations

import json

import pytest
from django.core.exceptions import ImproperlyConfigured, SuspiciousOperation

from dddp.meteor.bundle import read_bundle
from dddp.meteor.views import MeteorView
from dddp.views import MeteorView as TheSame
from tools import meteor_bundle
from tools.meteor_bundle import DIALOG, LOCAL, App

IE = "Mozilla/5.0 (Windows NT 6.1; Trident/7.0; rv:11.0) like Gecko"
FOR_A_YEAR = "public, max-age=31536000, immutable"


class Nonce:
    """Made when it is first looked at, as those of middleware."""

    def __bool__(self):
        return False

    def __str__(self):
        return "n0nce"


def config_of(response):
    return meteor_bundle.config_of(response.content)


@pytest.fixture
def program(bundle):
    return read_bundle(str(bundle)).programs["web.browser"]


def test_it_is_where_it_was():
    assert TheSame is MeteorView


class TestPage:
    def test_at_every_url(self, get):
        pages = [get(), get("books/17"), get("books", "?page=2")]
        assert {page.status_code for page in pages} == {200}
        assert {page.content for page in pages} == {pages[0].content}
        assert pages[0]["Content-Type"] == "text/html; charset=utf-8"
        assert pages[0]["Cache-Control"] == "no-cache"
        assert "User-Agent" in pages[0]["Vary"]

    def test_parts_in_their_order(self, get, program):
        text = get().content.decode()
        assert text.startswith("<!DOCTYPE html>\n<html>")
        (css,) = program.css
        parts = [
            "<title>A shop</title>",
            f'<link rel="stylesheet" type="text/css" class="__meteor-css__" href="{css.url}">',
            "<meta name='app'",
            "</head>",
            "<main id='shop'></main>",
            "<script>__meteor_runtime_config__ = ",
            *(f'<script src="{file.url}"></script>' for file in program.js),
            "</body>",
        ]
        places = [text.index(part) for part in parts]
        assert places == sorted(places)
        assert "dialog.js" not in text

    def test_css_goes_first_where_the_head_has_no_place_for_it(self, tmp_path, get):
        plain = App(head="<title>x</title>").write(tmp_path / "plain")
        text = get(view={"json_path": plain / "star.json"}).content.decode()
        assert text.index("__meteor-css__") < text.index("<title>")

    def test_old_browsers_get_the_legacy_program(self, get):
        assert config_of(get())["isModern"] is True
        assert config_of(get(agent=IE))["isModern"] is False
        assert config_of(get("__browser.legacy/books"))["isModern"] is False

    @pytest.mark.parametrize("path", ["favicon.ico", "robots.txt", "app.manifest"])
    def test_not_for_what_robots_ask_for(self, get, path):
        assert get(path).status_code == 404

    @pytest.mark.parametrize("query", ["?meteor_js_resource=true", "?meteor_dont_serve_index=1"])
    def test_not_for_a_script_that_is_gone(self, get, query):
        response = get("gone.js", query)
        assert (response.status_code, response["Cache-Control"]) == (404, "no-cache")

    def test_a_stylesheet_that_is_gone_says_so(self, get):
        response = get("gone.css", "?meteor_css_resource=true")
        assert response["Content-Type"] == "text/css; charset=utf-8"
        assert b"meteor-css-not-found-error" in response.content
        assert response["Cache-Control"] == "no-cache"

    def test_integrity_if_it_is_wanted(self, get, program):
        assert b"integrity" not in get().content
        text = get(view={"sri_mode": "anonymous"}).content.decode()
        for file in (*program.css, *program.js):
            assert f'{file.url}" integrity="sha512-{file.sri}" crossorigin="anonymous"' in text

    def test_files_of_another_host(self, get, program):
        text = get(view={"bundled_js_css_prefix": "https://cdn.example.com/"}).content.decode()
        assert f'src="https://cdn.example.com{program.js[0].url}"' in text

    def test_without_a_bundle_it_says_what_to_do(self, get, settings_of_meteor):
        settings_of_meteor(DDP_METEOR_BUNDLE=None)
        with pytest.raises(ImproperlyConfigured, match="DDP_METEOR_BUNDLE"):
            get()


class TestContentSecurityPolicy:
    @pytest.mark.parametrize("name", ["csp_nonce", "_csp_nonce"])
    def test_every_script_has_the_nonce(self, get, name):
        text = get(nonce={name: Nonce()}).content.decode()
        scripts = [part.partition(">")[0] for part in text.split("<script")[1:]]
        assert all('nonce="n0nce"' in script for script in scripts)
        assert text.count('nonce="n0nce"') == 4  # the config, two scripts, a stylesheet

    @pytest.mark.parametrize("given", ["setting", "attribute"])
    def test_the_config_may_be_a_script_of_its_own(self, get, given, settings_of_meteor):
        inside, view = config_of(get()), {}
        if given == "setting":
            settings_of_meteor(DDP_METEOR_INLINE_SCRIPTS=False)
        else:
            view = {"inline_scripts": False}
        text = get(view=view).content.decode()
        assert "<script>" not in text
        (url,) = [part.split('"')[0] for part in text.split('src="') if "runtime_config" in part]
        assert url.startswith("/__browser/meteor_runtime_config.js?hash=")
        path, _, query = url[1:].partition("?")
        script = get(path, f"?{query}", agent=IE)
        assert script["Content-Type"] == "text/javascript; charset=utf-8"
        assert script["Cache-Control"] == "no-cache"
        assert config_of(script) == inside

    def test_its_url_changes_with_it(self, get):
        urls = {
            get(view={"inline_scripts": False, "runtime_config": {"x": x}}).content for x in "ab"
        }
        assert len(urls) == 2


class TestRuntimeConfig:
    def test_all_of_it(self, get, settings_of_meteor):
        settings_of_meteor(METEOR_SETTINGS={"public": {"shop": "</script>"}, "password": "x"})
        page = get("books")
        config = config_of(page)
        versions = config["autoupdate"].pop("versions")
        assert set(versions) == {"web.browser", "web.browser.legacy"}
        assert config == {
            "meteorRelease": "METEOR@3.0.4",
            "meteorEnv": {"NODE_ENV": "production", "TEST_METADATA": "{}"},
            "PUBLIC_SETTINGS": {"shop": "</script>"},
            "ROOT_URL": "http://localhost/",
            "ROOT_URL_PATH_PREFIX": "",
            "DDP_DEFAULT_CONNECTION_URL": "http://localhost/",
            "autoupdate": {
                "autoupdateVersion": None,
                "autoupdateVersionRefreshable": None,
                "autoupdateVersionCordova": None,
                "appId": "shop1234",
            },
            "appId": "shop1234",
            "accountsConfigCalled": True,
            "isModern": True,
        }
        assert page.content.count(b"</script>") == 3

    def test_where_it_is_mounted(self, get, settings_of_meteor):
        settings_of_meteor(DDP_URL_PREFIX="/live/")
        page = get("books", mount="/app/", secure=True)
        config = config_of(page)
        assert config["ROOT_URL"] == "https://localhost/app/"
        assert config["ROOT_URL_PATH_PREFIX"] == "/app"
        assert config["DDP_DEFAULT_CONNECTION_URL"] == "https://localhost/live/"
        assert b'src="/app/app/app.js?hash=' in page.content

    def test_a_public_name_of_the_site(self, get, settings_of_meteor):
        settings_of_meteor(DDP_METEOR_ROOT_URL="https://shop.example.com/app/")
        page = get("books")
        config = config_of(page)
        assert config["ROOT_URL"] == "https://shop.example.com/app/"
        assert config["ROOT_URL_PATH_PREFIX"] == "/app"
        assert config["DDP_DEFAULT_CONNECTION_URL"] == "https://shop.example.com/"
        assert b'src="/app/app/app.js?hash=' in page.content
        settings_of_meteor(DDP_METEOR_CONNECTION_URL="https://ddp.example.com")
        assert config_of(get())["DDP_DEFAULT_CONNECTION_URL"] == "https://ddp.example.com"

    def test_https_where_django_insists_on_it(self, get, settings_of_meteor):
        settings_of_meteor(SECURE_SSL_REDIRECT=True)
        assert config_of(get())["ROOT_URL"] == "https://localhost/"

    def test_what_the_view_says_comes_last(self, get):
        view = {
            "runtime_config": {"appId": "mine", "more": 1},
            "meteor_settings": {"public": {"a": 1}, "b": 2},
            "root_url_path_prefix": "/behind/",
        }
        config = config_of(get(view=view))
        assert (config["appId"], config["more"]) == ("mine", 1)
        assert config["PUBLIC_SETTINGS"] == {"a": 1}
        assert config["ROOT_URL_PATH_PREFIX"] == "/behind"

    def test_the_script_is_there_for_pages_made_otherwise(self, get):
        assert config_of(get("meteor_runtime_config.js")) == config_of(get())

    def test_a_host_that_is_not_this_one_is_refused(self, get):
        with pytest.raises(SuspiciousOperation):
            get(headers={"Host": "evil.example.com"})


class TestFiles:
    def test_a_script(self, get, program):
        early = program.js[0]
        path, _, query = early.url[1:].partition("?")
        response = get(path, f"?{query}")
        assert response.content == b"window.early = 'web.browser';"
        assert response["Content-Type"] == "text/javascript; charset=utf-8"
        assert response["Cache-Control"] == FOR_A_YEAR
        assert response["ETag"] == f'"{early.hash}"'
        map_url = f"/packages/{early.hash}.map"
        assert response["SourceMap"] == response["X-SourceMap"] == map_url
        assert response["Vary"] == "User-Agent"

    @pytest.mark.parametrize("query", ["", "?hash=", "?hash=0123"])
    def test_under_another_hash_it_is_not_kept(self, get, query):
        assert get("app/app.js", query)["Cache-Control"] == "no-cache"

    def test_a_stylesheet(self, get, program):
        (css,) = program.css
        response = get(css.url[1:].partition("?")[0], "?meteor_css_resource=true")
        assert b"rgb(1, 2, 3)" in response.content
        assert response["Content-Type"] == "text/css; charset=utf-8"
        assert response["Cache-Control"] == FOR_A_YEAR

    def test_of_the_program_for_the_browser(self, get):
        assert b"'web.browser.legacy'" in get("packages/early.js", agent=IE).content
        assert b"'web.browser.legacy'" in get("__browser.legacy/packages/early.js").content
        assert b"'web.browser'" in get("__browser/packages/early.js", agent=IE).content

    def test_of_another_program_if_that_alone_has_it(self, get, bundle):
        path = bundle / "programs" / "web.browser.legacy" / "program.json"
        legacy = json.loads(path.read_text())
        legacy["manifest"] = [each for each in legacy["manifest"] if each["type"] != "asset"]
        path.write_text(json.dumps(legacy))
        assert get("icons/a b.svg", agent=IE).content == b"<svg/>"

    def test_an_asset(self, get):
        response = get("icons/a b.svg")
        assert response.content == b"<svg/>"
        assert response["Content-Type"] == "image/svg+xml"
        assert response["Cache-Control"] == "no-cache"
        assert "SourceMap" not in response

    def test_that_a_browser_has_already(self, get):
        etag = get("icons/a b.svg")["ETag"]
        response = get("icons/a b.svg", headers={"If-None-Match": etag})
        assert (response.status_code, response.content) == (304, b"")

    def test_a_source_map(self, get, program):
        response = get(f"packages/{program.js[0].hash}.map")
        assert response.content == b"{}"
        assert response["Content-Type"] == "application/json"
        assert response["Cache-Control"] == FOR_A_YEAR

    @pytest.mark.parametrize(
        "path",
        [
            "program.json",
            "head.html",
            "star.json",
            "programs/web.browser/program.json",
            "../server/secret.json",
            "packages/../../server/secret.json",
            "..%2Fserver%2Fsecret.json",
            "/etc/passwd",
            "__browser/../server/secret.json",
        ],
    )
    def test_nothing_that_the_manifest_does_not_name(self, get, path):
        assert get(path).content.startswith(b"<!DOCTYPE html>")

    def test_of_a_view_with_a_bundle_of_its_own(self, get, tmp_path):
        other = App(js="other()").write(tmp_path / "other")
        response = get("app/app.js", view={"json_path": str(other / "star.json")})
        assert response.content == b"other()"


class TestDynamicImports:
    URL = "__meteor__/dynamic-import/fetch"

    @pytest.fixture
    def fetch(self, get):
        def fetch(tree, path=self.URL, **options):
            body = tree if isinstance(tree, bytes) else json.dumps(tree).encode()
            return get(path, method="post", data=body, content_type="text/plain", **options)

        return fetch

    def test_modules_come_in_the_same_tree(self, fetch):
        tree = {
            "imports": {"dialog.js": 1, "none.js": 1, "never.js": 0},
            "node_modules": {"meteor": {"local:shop": {"x.js": 1}}, "left": {"out.js": 1}},
        }
        response = fetch(tree)
        assert response["Content-Type"] == "application/json"
        assert response["Access-Control-Allow-Origin"] == "*"
        assert json.loads(response.content) == {
            "imports": {"dialog.js": DIALOG},
            "node_modules": {"meteor": {"local:shop": {"x.js": LOCAL}}},
        }

    def test_each_once(self, fetch):
        tree = {"imports": {"dialog.js": 1}, "imports/dialog.js": 1}
        assert json.loads(fetch(tree).content) == {"imports": {"dialog.js": DIALOG}}

    def test_nothing_else(self, fetch):
        for tree in [
            {"..": {"app": {"app.js": 1}}},
            {"../app/app.js": 1},
            {"": {"app": {"app.js": 1}}},
            {},
        ]:
            assert json.loads(fetch(tree).content) == {}

    @pytest.mark.parametrize(
        "body", [b"", b"{", b"[]", b"\xff", b'{"a":' * 200 + b"1" + b"}" * 200, b"[" * 100_000]
    )
    def test_nonsense_is_refused(self, fetch, body):
        assert fetch(body).status_code == 400

    def test_there_is_nothing_else_to_post_to(self, fetch):
        response = fetch({}, path="books")
        assert (response.status_code, response["Allow"]) == (405, "GET, HEAD, OPTIONS")
