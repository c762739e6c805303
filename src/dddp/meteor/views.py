"""`MeteorView`: a Meteor app's front end, served by Django."""

from __future__ import annotations

import hashlib
import mimetypes
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from django.core.exceptions import ImproperlyConfigured
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed, JsonResponse
from django.utils.cache import get_conditional_response, patch_vary_headers
from django.utils.decorators import method_decorator
from django.views.decorators.csrf import csrf_exempt
from django.views.generic import View

from dddp.meteor import conf
from dddp.meteor.browsers import is_modern
from dddp.meteor.bundle import Bundle, File, Program, configured_bundle, read_bundle
from dddp.meteor.dynamic import FETCH_PATH, fetched, wanted
from dddp.meteor.page import Links, render
from dddp.meteor.runtime_config import as_expression, runtime_config

CONFIG_PATH = "meteor_runtime_config.js"
NEVER_A_PAGE = frozenset({"favicon.ico", "robots.txt", "app.manifest"})
"""What browsers and robots ask every site for (Meteor 3)."""
FOR_A_YEAR = "public, max-age=31536000, immutable"
ASK_AGAIN = "no-cache"
TEXT_TYPES = {"js": "text/javascript", "dynamic js": "text/javascript", "css": "text/css"}


# What is posted is which of the public files to send.
@method_decorator(csrf_exempt, name="dispatch")
class MeteorView(View):
    """Serves what `meteor build --directory` made: a page at every URL, and the files it names.

        re_path(r"^(?P<path>.*)$", MeteorView.as_view())

    Attributes:
        json_path: the bundle's star.json or folder; `DDP_METEOR_BUNDLE` if it is None.
        runtime_config: more for `__meteor_runtime_config__`, or something else.
        meteor_settings: as Meteor's settings file; what is in its `public` is shown to all.
        meteor_public_envs: environment variables that become part of it.
        root_url_path_prefix: where the app is mounted, "/app"; None: where this view is.
        bundled_js_css_prefix: put before the URLs of scripts and stylesheets instead: a CDN.
        inline_scripts: the config is in the page itself; False: in a script of its own.
            `DDP_METEOR_INLINE_SCRIPTS` if it is None.
        sri_mode: "anonymous" or "use-credentials" to have browsers check what they load.
    """

    http_method_names = ["get", "head", "post", "options"]

    json_path: str | Path | None = None
    runtime_config: Mapping[str, Any] | None = None
    meteor_settings: Mapping[str, Any] | None = None
    meteor_public_envs: Iterable[str] | None = None
    root_url_path_prefix: str | None = None
    bundled_js_css_prefix: str | None = None
    inline_scripts: bool | None = None
    sri_mode: str | None = None

    def get(self, request: HttpRequest, path: str = "") -> HttpResponse:
        """A file, if a program has one of this name, or the page."""
        programs, own_path = self._programs(request, path)
        if own_path == CONFIG_PATH:
            return self._config_script(request, path, programs[0])
        for program in programs:
            file = program.files.get(f"/{path}") or program.files.get(f"/{own_path}")
            if file is not None:
                return self._file(request, path, file)
        return self._missing(request, path) or self._page(request, path, programs[0])

    def post(self, request: HttpRequest, path: str = "") -> HttpResponse:
        """Modules that a page has come to need."""
        programs, own_path = self._programs(request, path)
        if own_path != FETCH_PATH:
            return HttpResponseNotAllowed(["GET", "HEAD", "OPTIONS"])
        try:
            answer = fetched(wanted(request.body), programs[0].modules)
        except ValueError as error:
            return HttpResponse(f"No tree of modules: {error}.", status=400)
        # Pages of an alias of this site load them, too; they are as public as scripts.
        return JsonResponse(answer, headers={"Access-Control-Allow-Origin": "*"})

    def _bundle(self) -> Bundle:
        bundle = read_bundle(str(self.json_path)) if self.json_path else configured_bundle()
        if bundle is None:
            raise ImproperlyConfigured(
                "MeteorView has nothing to serve: set DDP_METEOR_BUNDLE to the folder that "
                "`meteor build --directory` made, or pass json_path."
            )
        return bundle

    def _programs(self, request: HttpRequest, path: str) -> tuple[list[Program], str]:
        """The program for this browser and the others; the path in it.

        A path may begin with the program it is of: `__browser.legacy/app.js` (Meteor 3).
        """
        bundle = self._bundle()
        first, _, rest = path.partition("/")
        named = bundle.programs.get(f"web.{first.removeprefix('__')}")
        if first.startswith("__") and named is not None:
            return [named], rest
        return bundle.preferred(modern=is_modern(request.headers.get("User-Agent", ""))), path

    def _file(self, request: HttpRequest, path: str, file: File) -> HttpResponse:
        content_type = TEXT_TYPES.get(file.type) or mimetypes.guess_type(file.path.name)[0]
        if content_type is None:
            content_type = "application/json" if file.type == "json" else "application/octet-stream"
        if content_type.startswith("text/"):
            content_type += "; charset=utf-8"
        response = HttpResponse(content_type=content_type)
        response["Cache-Control"] = FOR_A_YEAR if _is_for_ever(request, file) else ASK_AGAIN
        if file.source_map_url:
            for name in ("SourceMap", "X-SourceMap"):
                response[name] = self._prefix(request, path) + file.source_map_url
        answer = self._conditional(request, response, file.hash)
        if answer is response:
            response.content = file.path.read_bytes()
        return answer

    def _config_script(self, request: HttpRequest, path: str, program: Program) -> HttpResponse:
        code = f"__meteor_runtime_config__ = {self._config(request, path, program)};"
        response = HttpResponse(code, content_type="text/javascript; charset=utf-8")
        response["Cache-Control"] = ASK_AGAIN
        return self._conditional(request, response, _hash(code))

    def _missing(self, request: HttpRequest, path: str) -> HttpResponse | None:
        """Files that are asked for and not there, where the page would not do (Meteor 3)."""
        if "meteor_css_resource" in request.GET:
            # A client that swaps stylesheets looks for this rule.
            rule = ".meteor-css-not-found-error { width: 0px;}"
            headers = {"Cache-Control": ASK_AGAIN}
            return HttpResponse(rule, content_type="text/css; charset=utf-8", headers=headers)
        names = {"meteor_js_resource", "meteor_dont_serve_index"}
        if path in NEVER_A_PAGE or names & request.GET.keys():
            return HttpResponse("404 Not Found", status=404, headers={"Cache-Control": ASK_AGAIN})
        return None

    def _page(self, request: HttpRequest, path: str, program: Program) -> HttpResponse:
        prefix = self._prefix(request, path)
        links = Links(self.link_prefix(prefix), self.sri_mode, _nonce(request))
        config = self._config(request, path, program)
        inline = conf.get("inline_scripts") if self.inline_scripts is None else self.inline_scripts
        if inline:
            script = links.inline(f"__meteor_runtime_config__ = {config}")
        else:
            # Its program is named: of what a browser is, a cache in between knows nothing.
            name = f"__{program.arch.removeprefix('web.')}/{CONFIG_PATH}"
            script = links.script_at(f"{prefix}/{name}?hash={_hash(config)}")
        response = HttpResponse(render(program, links, script))
        response["Cache-Control"] = ASK_AGAIN
        patch_vary_headers(response, ["User-Agent"])
        return response

    def _config(self, request: HttpRequest, path: str, program: Program) -> str:
        public = conf.public_settings(self.meteor_settings, self.meteor_public_envs)
        prefix = self._prefix(request, path)
        config = runtime_config(request, self._bundle(), program.arch, prefix, public)
        return as_expression({**config, **(self.runtime_config or {})})

    def link_prefix(self, mount: str) -> str:
        """What is before the URLs of scripts and stylesheets of a view that is mounted there."""
        cdn = self.bundled_js_css_prefix
        return self.site_prefix(mount) if cdn is None else cdn.rstrip("/")

    def site_prefix(self, mount: str) -> str:
        """`ROOT_URL_PATH_PREFIX`: "" or "/app"."""
        if self.root_url_path_prefix is not None:
            return self.root_url_path_prefix.rstrip("/")
        if root_url := conf.get("root_url"):
            return str(urlsplit(root_url).path).rstrip("/")
        return mount.rstrip("/")

    def _prefix(self, request: HttpRequest, path: str) -> str:
        return self.site_prefix(request.path.removesuffix(path))

    def _conditional(self, request: HttpRequest, response: HttpResponse, hash: str) -> HttpResponse:
        patch_vary_headers(response, ["User-Agent"])
        if not hash:
            return response
        response["ETag"] = f'"{hash}"'
        found = get_conditional_response(request, etag=response["ETag"], response=response)
        assert isinstance(found, HttpResponse)
        return found


def _is_for_ever(request: HttpRequest, file: File) -> bool:
    """Of another hash it is asked for by a page that another version has made."""
    if not file.cacheable:
        return False
    hashes = parse_qs(urlsplit(file.url).query).get("hash")
    return hashes is None or request.GET.getlist("hash") == hashes


def _nonce(request: HttpRequest) -> str:
    """Of Django's CSP middleware (6.0) or of django-csp."""
    nonces = (getattr(request, name, None) for name in ("_csp_nonce", "csp_nonce"))
    # Both are made when they are first looked at, and false before that.
    return next((str(nonce) for nonce in nonces if nonce is not None), "")


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:40]
