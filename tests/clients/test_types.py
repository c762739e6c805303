"""The types of the browser client fit what is written with it, as TypeScript sees it."""

from __future__ import annotations

import subprocess

from clients.third_party import HERE

COMPILE = [
    "node_modules/.bin/tsc",
    *("--noEmit", "--strict", "--target", "es2022", "--module", "nodenext"),
    *("--lib", "es2022,dom"),
    "typed.ts",
]


def test_programs_with_the_client_are_compiled(node_packages: None) -> None:
    done = subprocess.run(
        COMPILE, cwd=HERE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    assert done.returncode == 0, done.stdout
