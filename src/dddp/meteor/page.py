"""The HTML page of a program, as Meteor's boilerplate-generator makes it."""

from __future__ import annotations

import re
from dataclasses import dataclass

from django.utils.html import escape

from dddp.meteor.bundle import File, Program

PLACE_OF_CSS = re.compile(r"<meteor-bundled-css[^<>]*>")


@dataclass(frozen=True, slots=True)
class Links:
    """How a page links its files.

    Attributes:
        prefix: put before their URLs: a path, or the URL of another host.
        sri_mode: "anonymous" or "use-credentials" to have browsers check them; None: not.
        nonce: of the Content Security Policy; "" without one.
    """

    prefix: str
    sri_mode: str | None
    nonce: str

    def stylesheet(self, file: File) -> str:
        """The `<link>`, by whose class a client finds it when it is replaced."""
        return (
            f'<link rel="stylesheet" type="text/css" class="__meteor-css__"'
            f' href="{escape(self.prefix + file.url)}"{self._integrity(file)}{self._nonce()}>'
        )

    def script(self, file: File) -> str:
        """The `<script>` of a file of the program."""
        return self.script_at(self.prefix + file.url, self._integrity(file))

    def script_at(self, url: str, attributes: str = "") -> str:
        """A `<script>` of any URL."""
        return f'<script src="{escape(url)}"{attributes}{self._nonce()}></script>'

    def inline(self, code: str) -> str:
        """A `<script>` with code, which has to be free of `</script>`."""
        return f"<script{self._nonce()}>{code}</script>"

    def _integrity(self, file: File) -> str:
        if self.sri_mode is None or file.sri is None:
            return ""
        return f' integrity="sha512-{escape(file.sri)}" crossorigin="{escape(self.sri_mode)}"'

    def _nonce(self) -> str:
        return f' nonce="{escape(self.nonce)}"' if self.nonce else ""


def render(program: Program, links: Links, config_script: str) -> str:
    """The page; `config_script` is the element that sets the runtime config."""
    css = "\n".join(links.stylesheet(file) for file in program.css)
    parts = PLACE_OF_CSS.split(program.head, maxsplit=1)
    head = [css, program.head] if len(parts) == 1 else [parts[0], css, parts[1]]
    return "\n".join(
        [
            "<!DOCTYPE html>",
            "<html>",
            "<head>",
            *head,
            "</head>",
            "<body>",
            program.body,
            config_script,
            *(links.script(file) for file in program.js),
            "</body>",
            "</html>",
        ]
    )
