"""A small Meteor app as `meteor build --directory` leaves it, without Meteor."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import unquote

HEAD = "<title>A shop</title>\n<meteor-bundled-css>\n<meta name='app' content='shop'>"
BODY = "<main id='shop'></main>"
DIALOG = "function(require,exports,module){module.exports='a dialog';\n}"
LOCAL = "function(require,exports,module){module.exports='of a package';\n}"


@dataclass
class App:
    """What goes into a bundle; `write` it as often as it changes."""

    js: str = "document.querySelector('#shop').textContent = 'open';"
    css: str = "#shop { color: rgb(1, 2, 3); }"
    head: str = HEAD
    body: str = BODY
    app_id: str = "shop1234"
    assets: dict[str, bytes] = field(default_factory=lambda: {"/icons/a b.svg": b"<svg/>"})
    archs: tuple[str, ...] = ("web.browser", "web.browser.legacy")

    def write(self, folder: Path) -> Path:
        """Returns the bundle's folder, which star.json is in."""
        bundle = folder / "bundle"
        for arch in self.archs:
            program = _Program(bundle / "programs" / arch)
            self._fill(program, arch)
            program.finish()
        _write(bundle / "programs/server/config.json", json.dumps({"appId": self.app_id}))
        _write(bundle / "programs/server/secret.json", "{}")
        star = {
            "format": "site-archive-pre1",
            "builtBy": "Meteor METEOR@3.0.4",
            "programs": [
                {"name": arch, "arch": arch, "path": f"programs/{arch}/program.json"}
                for arch in self.archs
            ]
            + [{"name": "server", "arch": "os.linux.x86_64", "path": "programs/server/boot.js"}],
            "meteorRelease": "METEOR@3.0.4",
        }
        _write(bundle / "star.json", json.dumps(star))
        return bundle

    def _fill(self, program: _Program, arch: str) -> None:
        config = "packages/early.js"
        program.add(config, "js", f"window.early = '{arch}';", hashed=True, map="{}")
        program.add("app/app.js", "js", self.js, hashed=True)
        digest = _sha1(self.css.encode())
        program.add(
            "merged-stylesheets.css",
            "css",
            self.css,
            url=f"/{digest}.css?meteor_css_resource=true",
            cacheable=True,
        )
        for url, content in self.assets.items():
            program.add(f"app{url}", "asset", content, url=url.replace(" ", "%20"))
        program.add("dynamic/imports/dialog.js", "dynamic js", DIALOG, hashed=True)
        program.add("dynamic/node_modules/meteor/local_shop/x.js", "dynamic js", LOCAL)
        program.add("head.html", "head", self.head, where="internal")
        program.add("body.html", "body", self.body, where="internal")


class _Program:
    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._manifest: list[dict[str, Any]] = []

    def add(
        self,
        path: str,
        type: str,
        content: str | bytes,
        *,
        where: str = "client",
        url: str | None = None,
        hashed: bool = False,
        cacheable: bool = False,
        map: str | None = None,
    ) -> None:
        data = content.encode() if isinstance(content, str) else content
        digest = _sha1(data)
        entry: dict[str, Any] = {"path": path, "where": where, "type": type, "hash": digest}
        if where == "client":
            plain = url or f"/{path}"
            entry["url"] = f"{plain}?hash={digest}" if hashed else plain
            entry |= {"cacheable": cacheable or hashed, "size": len(data)}
            if type in ("js", "css"):
                entry["sri"] = base64.b64encode(hashlib.sha512(data).digest()).decode()
        if map is not None:
            entry |= {"sourceMap": f"{path}.map", "sourceMapUrl": f"/packages/{digest}.map"}
            _write(self._folder / f"{path}.map", map)
        self._manifest.append(entry)
        _write(self._folder / path, data)

    def finish(self) -> None:
        program = {"format": "web-program-pre1", "manifest": self._manifest}
        _write(self._folder / "program.json", json.dumps(program))


def config_of(content: bytes) -> dict[str, Any]:
    """The runtime config in a page, or in a script of its own."""
    found = re.search(
        r'__meteor_runtime_config__ = JSON\.parse\(decodeURIComponent\("([^"]*)"\)\)',
        content.decode(),
    )
    assert found is not None, content
    config: dict[str, Any] = json.loads(unquote(found[1]))
    return config


def _write(path: Path, content: str | bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content.encode() if isinstance(content, str) else content)


def _sha1(data: bytes) -> str:
    return hashlib.sha1(data).hexdigest()
