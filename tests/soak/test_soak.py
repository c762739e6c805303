"""Many clients that come, go, subscribe, call and lose their connections, for as long as one likes.

`make soak MINUTES=30` for 500 clients; without it, 100 for two minutes. In the end each client
has what the database has, and the server holds no more than when it had warmed up.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import random
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psycopg
import pytest
from websockets.exceptions import InvalidHandshake

from dddp.testing.client import DDPClient
from tools.feed import until
from tools.serving import Watched
from tools.tcp_proxy import TcpProxy
from zoo.models import Keyed

SECONDS = float(os.environ.get("DDDP_SOAK_SECONDS", "120"))
CLIENTS = int(os.environ.get("DDDP_SOAK_CLIENTS", "100"))
KEYS = [f"k{number}" for number in range(20)]
GRACE = 2.0
SAMPLES = 20
PATIENCE = 60.0

pytestmark = [
    pytest.mark.timeout(SECONDS + 300),
    pytest.mark.skipif(sys.platform != "linux", reason="reads /proc/<pid>"),
]


@dataclass(frozen=True)
class Sample:
    """What the server has: MiB of memory, open files, connections to the database."""

    memory: float
    files: int
    connections: int


class Observer:
    def __init__(self, server: Watched, dsn: str) -> None:
        self._process = Path(f"/proc/{server.pid}")
        self._db = psycopg.connect(dsn, autocommit=True)
        self._others = self._connections()
        self.samples: list[Sample] = []

    def take(self) -> Sample:
        lines = (self._process / "status").read_text().splitlines()
        memory = next(int(line.split()[1]) for line in lines if line.startswith("VmRSS")) / 1024
        files = len(list((self._process / "fd").iterdir()))
        sample = Sample(memory, files, self._connections())
        self.samples.append(sample)
        return sample

    def close(self) -> None:
        self._db.close()

    def _connections(self) -> int:
        row = self._db.execute(
            "SELECT count(*) FROM pg_stat_activity "
            "WHERE datname = current_database() AND pid <> pg_backend_pid()"
        ).fetchone()
        assert row is not None
        return int(row[0])


class Life:
    """One client's, at random."""

    def __init__(self, url: str, number: int) -> None:
        self._url = url
        self._rng = random.Random(number)
        self.client = DDPClient(url, timeout=PATIENCE)
        self.resumed = [0, 0]
        self.violations: list[str] = []

    async def live(self, is_over: Callable[[], bool]) -> None:
        await self.begin()
        while not is_over():
            await asyncio.sleep(self._rng.random())
            act = self._rng.choices(ACTS, WEIGHTS)[0]
            try:
                await act(self)
            except (ConnectionError, InvalidHandshake):
                await self.come_back()
            except AssertionError:
                # What was waited for did not come, because somebody has cut the connection.
                assert self.client.closed is not None
                await self.come_back()

    async def settle(self) -> None:
        """Have what the database has."""
        await self.come_back()
        await self.client.subscribe("AllKeyed")

    async def come_back(self) -> None:
        while True:
            with contextlib.suppress(OSError, AssertionError, InvalidHandshake):
                self.resumed[await self.client.reconnect(self._rng.random() < 0.9)] += 1
                return

    async def subscribe(self) -> None:
        name = self._rng.choice(["AllKeyed", "KeysOnly", "KeyedFrom"])
        params = [self._rng.choice(KEYS)] if name == "KeyedFrom" else []
        subscription = await self.client.subscribe(name, *params)
        if self._rng.random() < 0.8:
            await asyncio.sleep(self._rng.random())
            await subscription.stop()

    async def call(self) -> None:
        value = self._rng.randint(0, 10**6)
        assert await self.client.call("wire/echo", value) == [value]

    async def write(self) -> None:
        key = self._rng.choice(KEYS)
        if self._rng.random() < 0.3:
            await self.client.call("wire/drop", key)
        else:
            await self.client.call("wire/put", key, str(self._rng.randint(0, 10**6)))

    async def lose(self) -> None:
        self.client.cut()
        await asyncio.sleep(self._rng.random() * 2 * GRACE * (self._rng.random() < 0.3))
        await self.come_back()

    async def begin_anew(self) -> None:
        await self.client.close()
        self.violations += self.client.violations
        await self.begin()

    async def begin(self) -> None:
        while True:
            self.client = DDPClient(self._url, timeout=PATIENCE)
            # The connection may be cut in the middle of its handshake.
            with contextlib.suppress(OSError, AssertionError, InvalidHandshake):
                await self.client.__aenter__()
                return


ACTS = [Life.subscribe, Life.call, Life.write, Life.lose, Life.begin_anew]
WEIGHTS = [6, 4, 1, 1, 1]


async def test_soak(
    start_server: Callable[..., Watched], db_project: str, capsys: pytest.CaptureFixture[str]
) -> None:
    server = start_server(settings={"DDP_RESUME_GRACE_SECONDS": GRACE})
    parts = urlsplit(server.ws_url)
    observer = Observer(server, db_project)
    loop = asyncio.get_running_loop()
    async with TcpProxy(str(parts.hostname), int(parts.port or 0)) as proxy:
        url = f"ws://127.0.0.1:{proxy.port}/websocket"
        lives = [Life(url, number) for number in range(CLIENTS)]
        end = loop.time() + SECONDS
        tasks = [asyncio.create_task(life.live(lambda: loop.time() > end)) for life in lives]
        for sample in range(SAMPLES):
            await asyncio.sleep(SECONDS / SAMPLES)
            observer.take()
            if sample % 5 == 4:
                proxy.drop()
        await asyncio.gather(*tasks)
        await asyncio.gather(*(life.settle() for life in lives))
        right = {each.key: {"value": each.value} for each in Keyed.objects.all()}
        for life in lives:
            await life.client.wait_for(lambda life=life: documents(life) == right)
            await life.client.close()
        violations = [each for life in lives for each in life.violations + life.client.violations]
        await until(lambda: observer.take().files < observer.samples[0].files, PATIENCE)
    observer.close()
    with capsys.disabled():
        print("\n" + curve(observer.samples, lives))
    assert violations == []
    assert sum(life.resumed[True] for life in lives) > 0
    flat(observer.samples[SAMPLES // 4 : SAMPLES])


def documents(life: Life) -> dict[str, Any]:
    return life.client.collections["zoo.keyed"]


def flat(samples: list[Sample]) -> None:
    """The last of them have no more than the first, but for what a random life needs."""
    half = len(samples) // 2
    before, after = samples[:half], samples[half:]
    assert max(each.memory for each in after) < 1.25 * max(each.memory for each in before) + 10
    assert max(each.files for each in after) < 2 * CLIENTS + 100
    assert max(each.connections for each in after) <= max(each.connections for each in before) + 2


def curve(samples: list[Sample], lives: list[Life]) -> str:
    lines = ["   MiB  files  database"]
    lines += [f"{each.memory:6.1f} {each.files:6d} {each.connections:9d}" for each in samples]
    anew, resumed = (sum(life.resumed[kind] for life in lives) for kind in (False, True))
    return "\n".join([*lines, f"{resumed} connections resumed, {anew} begun anew"])
