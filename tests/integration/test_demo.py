"""`make demo`, without make: the sample bookstore as its README promises it."""

from __future__ import annotations

import asyncio
import os
import re
import shlex
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from http.cookiejar import CookieJar
from pathlib import Path
from urllib.parse import urlencode
from urllib.request import HTTPCookieProcessor, build_opener, urlopen

import pytest

from dddp.testing.client import DDPClient
from dddp.testing.postgres import free_port

DEMO = Path(__file__).parents[2] / "examples" / "bookstore" / "demo.py"


class Demo:
    """A running demo and what it has printed."""

    def __init__(self, **env: str) -> None:
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}/"
        environment = {**os.environ, "PORT": str(self.port), "PYTHONUNBUFFERED": "1", **env}
        for name in ("DJANGO_SETTINGS_MODULE", "PYTHONPATH", "DJANGO_DEBUG"):
            environment.pop(name, None)
        self.process = subprocess.Popen(
            [sys.executable, str(DEMO)],
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self.text = ""

    def wait_ready(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.text += line
            if "Listening on" in line:
                return
        pytest.fail(f"the demo ended:\n{self.text}")

    def find(self, pattern: str) -> str:
        match = re.search(pattern, self.text, re.MULTILINE)
        assert match, f"{pattern} is not in:\n{self.text}"
        return match[1]

    @property
    def database_port(self) -> int:
        return int(self.find(r"^  SQL +.*@127\.0\.0\.1:(\d+)/"))

    def end(self, signum: signal.Signals) -> int:
        self.process.send_signal(signum)
        self.text += self.process.communicate()[0]
        return self.process.returncode


@pytest.fixture(scope="module")
def demo() -> Iterator[Demo]:
    demo = Demo()
    demo.wait_ready()
    yield demo
    demo.end(signal.SIGINT)


def is_listening(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def wait_silent(*ports: int) -> None:
    deadline = time.monotonic() + 30
    while any(map(is_listening, ports)):
        assert time.monotonic() < deadline, "something still listens"
        time.sleep(0.05)


class TestPage:
    def test_page_with_its_modules(self, demo: Demo) -> None:
        page = urlopen(demo.url).read().decode()
        for path in ("/static/dddp/accounts.js", "/static/bookstore/app.js"):
            assert path in page
            with urlopen(demo.url + path[1:]) as answer:
                assert "javascript" in answer.headers["Content-Type"]

    def test_the_printed_login_opens_the_admin(self, demo: Demo) -> None:
        browser = build_opener(HTTPCookieProcessor(cookies := CookieJar()))
        login = demo.find(r"(http://\S+/admin/)") + "login/?next=/admin/"
        browser.open(login)
        form = {
            "username": demo.find(r"user: (\S+)"),
            "password": demo.find(r"password: (\S+)"),
            "csrfmiddlewaretoken": next(c.value for c in cookies if c.name == "csrftoken"),
        }
        page = browser.open(login, urlencode(form).encode()).read().decode()
        assert "Site administration" in page
        assert "/admin/bookstore/book/" in page


class TestLive:
    async def test_the_sample(self, demo: Demo) -> None:
        async with DDPClient(f"ws://127.0.0.1:{demo.port}/websocket") as client:
            await client.subscribe("AllBooks")
            authors = client.collections["bookstore.author"]
            books = client.collections["bookstore.book"]
            assert (len(authors), len(books)) == (12, 60)
            assert {book["author_id"] for book in books.values()} == set(authors)

    async def test_the_printed_sql_reaches_clients(self, demo: Demo) -> None:
        command = demo.find(r"^  (\S*psql .* -c .*)$")
        async with DDPClient(f"ws://127.0.0.1:{demo.port}/websocket") as client:
            await client.subscribe("AllBooks")
            books = client.collections["bookstore.book"]
            before = {id: book["pages"] for id, book in books.items()}
            said = await asyncio.to_thread(subprocess.check_output, shlex.split(command))
            assert said == b"UPDATE 60\n"
            await client.wait_for(
                lambda: all(books[id]["pages"] == pages + 1 for id, pages in before.items())
            )


class TestEnd:
    @pytest.mark.parametrize("signum", [signal.SIGINT, signal.SIGTERM])
    def test_leaves_nothing(self, signum: signal.Signals) -> None:
        demo = Demo()
        demo.wait_ready()
        assert is_listening(demo.database_port)
        assert demo.end(signum) == 0
        assert "Traceback" not in demo.text
        assert not is_listening(demo.port)
        assert not is_listening(demo.database_port)

    def test_killed(self) -> None:
        demo = Demo()
        demo.wait_ready()
        demo.end(signal.SIGKILL)
        wait_silent(demo.port, demo.database_port)


class TestClearErrors:
    def test_port_taken(self, demo: Demo) -> None:
        other = Demo(PORT=str(demo.port))
        text = other.process.communicate()[0]
        assert other.process.returncode == 1
        assert f"Cannot listen on 127.0.0.1:{demo.port}." in text
        assert "PORT=" in text
        assert "Traceback" not in text

    @pytest.mark.parametrize("port", ["http", "0", "65536"])
    def test_no_port(self, port: str) -> None:
        demo = Demo(PORT=port)
        text = demo.process.communicate()[0]
        assert demo.process.returncode == 1
        assert text == f"PORT={port} is no port: give a number from 1 to 65535.\n"
