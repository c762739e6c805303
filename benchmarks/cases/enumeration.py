"""Who has an account must not be told by time: answers about existing and unknown users.

The real server with its password hashers; the two kinds of call take turns, each on a connection of
its own. What is compared is the ratio of medians.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any

import msgspec
import psycopg

from benchmarks.cases import World
from benchmarks.crowd import CONNECT, READY_SECONDS
from benchmarks.figures import Chart, Table, median, ratio
from benchmarks.processes import ROOT, dddp_server
from benchmarks.websocket import WebSocket

DATABASE = "accounts"
SETTINGS = "benchmarks.accounts_settings"
EXISTING = "existing@example.com"
WARM_UP = 1
PAUSE_SECONDS = 0.05
"""After each answer: what it leaves to be done shall not fall on the next one of the other kind."""
Call = Callable[[int], tuple[str, dict[str, Any]]]


def password(text: str) -> dict[str, str]:
    return {"digest": hashlib.sha256(text.encode()).hexdigest(), "algorithm": "sha-256"}


def _login(address: str) -> Call:
    return lambda number: (
        "login",
        {"user": {"email": address.format(number)}, "password": password(f"wrong {number}")},
    )


def _create(address: str) -> Call:
    return lambda number: (
        "createUser",
        {"email": address.format(number), "password": f"a good password {number}"},
    )


def _forgot(address: str) -> Call:
    return lambda number: ("forgotPassword", {"email": address.format(number)})


QUESTIONS = {
    "failed login": (_login(EXISTING), _login("unknown{}@example.com")),
    "createUser": (_create(EXISTING), _create("new{}@example.com")),
    "forgotPassword": (_forgot(EXISTING), _forgot("nobody{}@example.com")),
}


async def run(world: World) -> list[Table]:
    table = Table(
        "Accounts: the time of an answer about an existing user, and about an unknown one",
        ["", "existing", "unknown", "ratio of medians"],
    )
    variables = {"DJANGO_SETTINGS_MODULE": SETTINGS, "DATABASE_NAME": DATABASE}
    _migrate(world.dsn, variables)
    world.stop()
    with dddp_server(world.logs / "accounts.log", variables) as served:
        await call(served.url, *_create(EXISTING)(0))
        for name, pair in QUESTIONS.items():
            await _compare(table, name, served.url, pair, world.scale.guesses)
    series = {who: [row[who] * 1e3 for row in table.data] for who in ("existing", "unknown")}
    names = [row["name"] for row in table.data]
    table.chart = Chart("Existing and unknown users", "ms", names, series, is_log=True)
    return [table]


def _migrate(dsn: str, variables: dict[str, str]) -> None:
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute(f"DROP DATABASE IF EXISTS {DATABASE} WITH (FORCE)")
        connection.execute(f"CREATE DATABASE {DATABASE}")
    command = [sys.executable, "-m", "django", "migrate", "--verbosity", "0"]
    subprocess.run(command, env={**os.environ, **variables}, cwd=ROOT, check=True)


async def _compare(table: Table, name: str, url: str, pair: tuple[Call, Call], rounds: int) -> None:
    times: list[list[float]] = [[], []]
    for number in range(WARM_UP + rounds):
        # Neither is always the one that comes after the other.
        for which in (0, 1) if number % 2 else (1, 0):
            await asyncio.sleep(PAUSE_SECONDS)
            seconds = await call(url, *pair[which](number + 1))
            if number >= WARM_UP:
                times[which].append(seconds)
    existing, unknown = median(times[0]), median(times[1])
    cells = [f"{seconds * 1e3:,.2f} ms" for seconds in (existing, unknown)]
    data = {"name": name, "existing": existing, "unknown": unknown, "rounds": rounds}
    table.add([name, *cells, ratio(existing, unknown)], data)
    table.figures[f"{name}: existing of unknown"] = existing / unknown


async def call(url: str, method: str, options: dict[str, Any]) -> float:
    """The seconds until the result, on a new connection."""
    loop = asyncio.get_running_loop()
    connected: asyncio.Future[float] = loop.create_future()
    answered: asyncio.Future[float] = loop.create_future()

    def take(payload: bytes, when: float) -> None:
        if payload.startswith(b'{"msg":"connected"'):
            connected.set_result(when)
        elif payload.startswith(b'{"msg":"result"'):
            answered.set_result(when)

    socket = WebSocket(url, take)
    await socket.connect()
    socket.send(CONNECT)
    try:
        async with asyncio.timeout(READY_SECONDS):
            await connected
            message = {"msg": "method", "method": method, "id": "1", "params": [options]}
            begin = time.perf_counter()
            socket.send(msgspec.json.encode(message))
            return await answered - begin
    finally:
        await socket.close()
