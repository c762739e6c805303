import json
import shutil
import subprocess
import sys
from pathlib import Path

import psycopg
import pytest
from running import BIN, Running

PROJECT = Path(__file__).parent / "project"


@pytest.fixture(scope="module")
def database(postgres):
    """A migrated database, as Django settings in the environment."""
    with psycopg.connect(postgres.dsn, autocommit=True) as connection:
        connection.execute("DROP DATABASE IF EXISTS shop WITH (FORCE)")
        connection.execute("CREATE DATABASE shop")
    params = {"HOST": "127.0.0.1", "PORT": postgres.port, "USER": "postgres"}
    environ = {"DATABASE": json.dumps({**params, "PASSWORD": postgres.password, "NAME": "shop"})}
    subprocess.run(
        [sys.executable, "manage.py", "migrate", "--verbosity", "0"],
        cwd=PROJECT,
        env=environ,
        check=True,
    )
    with psycopg.connect(postgres.dsn_of("shop"), autocommit=True) as connection:
        connection.execute("INSERT INTO shop_item (name) VALUES ('pen')")
    return environ


@pytest.fixture
def project(tmp_path):
    """The directory of a small Django project."""
    return shutil.copytree(PROJECT, tmp_path / "project", ignore=lambda *_: ["__pycache__"])


@pytest.fixture
def start(project, database):
    """Starts a command in the project: `start("dddp", "--workers", 2, DEBUG="1")`."""
    started = []

    def start(program, *arguments, **environ):
        command = [BIN / program, *arguments]
        if program == "manage.py":
            command = [sys.executable, program, *arguments]
        environ = {"DJANGO_SETTINGS_MODULE": "settings", **database, **environ}
        started.append(Running(command, project, environ))
        return started[-1]

    yield start
    for each in started:
        each.kill()


@pytest.fixture
def serve(start):
    """Starts `dddp` on a free port of 127.0.0.1 and waits until it listens."""

    def serve(*arguments, **environ):
        server = start("dddp", "127.0.0.1:0", *arguments, **environ)
        server.http, server.ws = server.wait_listening()
        return server

    return serve
