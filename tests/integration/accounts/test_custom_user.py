"""A project with another user model, other backends, two processes; `dddp` as it is run."""

import json
import subprocess
import sys
import uuid
from pathlib import Path

import psycopg
import pytest
from people import CHECK, CLOSED, PASSWORD, by_name, digest, refusal, same
from running import BIN, Running

from dddp.testing.client import DDPClient

PROJECT = Path(__file__).parent / "project"


@pytest.fixture(scope="module")
def server(postgres):
    """The WebSocket URL of a running `dddp --workers 2`."""
    with psycopg.connect(postgres.dsn, autocommit=True) as connection:
        connection.execute("DROP DATABASE IF EXISTS people WITH (FORCE)")
        connection.execute("CREATE DATABASE people")
    params = {"HOST": "127.0.0.1", "PORT": postgres.port, "USER": "postgres"}
    database = {**params, "PASSWORD": postgres.password, "NAME": "people"}
    environ = {"DATABASE": json.dumps(database), "DJANGO_SETTINGS_MODULE": "settings"}
    command = [sys.executable, "-B", "manage.py", "migrate", "--verbosity", "0"]
    subprocess.run(command, cwd=PROJECT, env=environ, check=True)
    environ["PYTHONDONTWRITEBYTECODE"] = "1"
    environ["PYTHONPATH"] = ""
    running = Running([BIN / "dddp", "127.0.0.1:0", "--workers", "2"], PROJECT, environ)
    yield running.wait_listening()[1]
    running.kill()
    assert "Traceback" not in running.output


async def test_from_signing_up_to_logging_out_everywhere(server):
    async with DDPClient(server) as client:
        options = {"username": "b-1", "password": digest(PASSWORD), "profile": {"motto": "Hm."}}
        result = await client.call("createUser", options)
        assert len(result["id"]) == 17
        document = {"username": "b-1", "emails": [], "profile": {"motto": "Hm."}}
        assert client.collections["users"] == {result["id"]: document}
        for user in ({"username": "B-1"}, {"id": result["id"]}):
            await client.call("login", {"user": user, "password": PASSWORD})
        for user in ({"email": "b-1"}, {"id": "b-1"}, {"id": str(uuid.uuid4())}):
            options = {"user": user, "password": PASSWORD}
            assert same(await refusal(client, "login", options), CHECK)


async def test_clients_know_users_by_the_id_beside_the_primary_key(server):
    async with DDPClient(server) as client:
        ids = [
            (await client.call("createUser", {"username": name, "password": PASSWORD}))["id"]
            for name in ("b-3", "b-4")
        ]
        assert list(client.collections["users"]) == [ids[1]]
        assert await client.call("who/am_i") == ids[1]
        assert await client.call("who/am_i_really") == ids[1]
        await client.subscribe("Me")
        assert list(client.collections["me"]) == [ids[1]]
        assert await client.call("who/will_i_be", ids[0]) == [ids[0], ids[0]]
        assert list(client.collections["users"]) == [ids[0]]
        assert list(client.collections["me"]) == [ids[0]]
        assert await client.call("who/am_i_really") == ids[0]
        assert await client.call("who/leaving") is None
        assert await client.call("who/am_i") is None
        await client.call("login", {"user": {"id": ids[0]}, "password": PASSWORD})
        changes = {"$set": {"profile": {"motto": "Well."}}}
        assert await client.call("/users/update", ids[0], changes) == 1
        assert client.collections["users"][ids[0]]["profile"] == {"motto": "Well."}
        assert (await refusal(client, "/users/update", ids[1], changes)).error == 403


async def test_tokens_are_dropped_in_all_processes(server):
    async with DDPClient(server) as client:
        await client.call("createUser", {"username": "b-2", "password": PASSWORD})
        others = [DDPClient(server) for _ in range(8)]  # some of them at the other process
        for other in others:
            await other.open()
            await other.connect()
            await other.call("login", by_name("b-2", digest(PASSWORD)))
        await client.call("getNewToken")
        await client.call("removeOtherTokens")
        for other in others:
            assert await other.wait_closed() == CLOSED
            await other.close()


async def test_other_backends_are_asked(server):
    async with DDPClient(server) as client:
        assert same(await refusal(client, "login", by_name("dir-1", "wrong")), CHECK)
        first = await client.call("login", by_name("dir-1", "from the directory"))
        second = await client.call("login", by_name("DIR-1", "from the directory"))
        assert first["id"] == second["id"]
        assert (await refusal(client, "login", by_name("dir-1", digest("x")))).error == 403
