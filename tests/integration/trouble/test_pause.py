"""A server that is stopped for a while, and all that is notified meanwhile waits in PostgreSQL."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from contextlib import contextmanager
from pathlib import Path

import pytest
from psycopg.conninfo import conninfo_to_dict

from dddp.changefeed import backlog
from dddp.changefeed.backlog import QueueWatch
from dddp.changefeed.link import Link
from dddp.exceptions import ListenerError
from dddp.session.attachment import LATE_SECONDS
from tools.feed import until

COMMITS = 20_000
# Each notification carries the whole row twice.
TITLE = "\N{WHITE SMILING FACE}" * 200
BYTES = COMMITS * 2 * len(TITLE.encode())
HEARTBEAT = 1
PILE = """
CREATE OR REPLACE PROCEDURE pile(commits int) LANGUAGE plpgsql AS $$ BEGIN
  FOR number IN 1..commits LOOP
    UPDATE bookstore_book SET pages = 1000 + number WHERE id = 1 + number % 200;
    COMMIT;
  END LOOP;
  FOR number IN 1..3000 LOOP
    UPDATE bookstore_book SET pages = 50000 + number WHERE id = 1 + number % 190;
  END LOOP;
  DELETE FROM bookstore_book WHERE id % 10 = 1;
END $$
"""


@pytest.fixture
def pile(shop):
    shop.db.execute(PILE)
    shop.db.execute("UPDATE bookstore_book SET title = %s", [TITLE])
    yield lambda: shop.db.execute(f"CALL pile({COMMITS})")
    shop.db.execute("DROP PROCEDURE pile")


@contextmanager
def paused(server):
    os.kill(server.pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(server.pid, signal.SIGCONT)


def most_memory(server):
    """Bytes that the server has ever held at once (Linux: proc(5), VmHWM)."""
    lines = Path(f"/proc/{server.pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM"))


async def warned(shop, caplog):
    """What another server's listener logs about the queue."""
    link = await Link.open(conninfo_to_dict(shop.dsn), lambda _: None, lambda _: None)
    try:
        await QueueWatch().check(link, 10)
    finally:
        link.close(ListenerError("enough"))
    return caplog.text


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc/<pid>/status")
async def test_it_catches_up_in_bounded_memory(start_server, ddp, shop, pile, caplog, monkeypatch):
    server = start_server(settings={"DDP_TRANSACTION_ROWS": 1000, "DDP_PENDING_ROWS": 100})
    clients = [await ddp(server.ws_url, timeout=60) for _ in range(3)]
    await clients[0].subscribe("AllBooks")
    await clients[1].subscribe("BooksByAuthorEmail", "jane@x.org")
    before = most_memory(server)
    with paused(server):
        await asyncio.to_thread(pile)
        fill = shop.fill
        assert fill > 0
        late = asyncio.create_task(clients[2].subscribe("AllBooks"))
        # Eight GiB are not filled for a test.
        monkeypatch.setattr(backlog, "LEVELS", (fill / 2,))
        assert "'dddp listener'" in await warned(shop, caplog)
        assert "its client does not read" in caplog.text
    await late
    await shop.shown_by(*clients)
    await until(lambda: shop.fill < fill)
    assert most_memory(server) - before < BYTES / 2


async def test_a_client_that_answered_meanwhile_stays(start_server, ddp):
    settings = {"DDP_HEARTBEAT_INTERVAL": HEARTBEAT, "DDP_HEARTBEAT_TIMEOUT": HEARTBEAT}
    server = start_server(settings=settings)
    client = await ddp(server.ws_url)
    pong, is_over = client._pong, asyncio.Event()

    async def answer_while_it_is_stopped(ping):
        client._pong = pong
        with paused(server):
            await pong(ping)
            await asyncio.sleep(HEARTBEAT + LATE_SECONDS + 0.5)
        is_over.set()

    client._pong = answer_while_it_is_stopped
    await is_over.wait()
    assert await client.call("wire/echo", 1) == [1]
