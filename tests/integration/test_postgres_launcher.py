"""`TemporaryPostgres`: private, restartable, and gone with the process that started it."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import LiteralString

import psycopg
import pytest

from dddp.exceptions import ConfigurationError
from dddp.testing.binaries import find_binaries
from dddp.testing.postgres import TemporaryPostgres, free_port

PARENT = """
import signal, sys
from dddp.testing.postgres import TemporaryPostgres
# A shell has its background jobs ignore it, and so do their children.
signal.signal(signal.SIGINT, signal.default_int_handler)
with TemporaryPostgres(data_dir=sys.argv[1] if sys.argv[1:] else None) as postgres:
    print(postgres.pid, postgres._directory, flush=True)
    signal.pause()
"""


def run(postgres: TemporaryPostgres, sql: LiteralString) -> None:
    with psycopg.connect(postgres.dsn) as connection:
        connection.execute(sql)


def scalar(postgres: TemporaryPostgres, sql: LiteralString) -> object:
    with psycopg.connect(postgres.dsn) as connection:
        row = connection.execute(sql).fetchone()
    assert row is not None
    return row[0]


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def wait_gone(pid: int, directory: Path) -> None:
    deadline = time.monotonic() + 30
    while alive(pid) or directory.exists():
        assert time.monotonic() < deadline, "the server outlived its parent"
        time.sleep(0.02)


class TestPrivate:
    def test_password_needed(self, postgres: TemporaryPostgres) -> None:
        with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
            psycopg.connect(**{**postgres.params, "password": "guess"})

    def test_listens_on_loopback_only(self, postgres: TemporaryPostgres) -> None:
        assert scalar(postgres, "SHOW listen_addresses") == "127.0.0.1"
        assert scalar(postgres, "SHOW unix_socket_directories") == ""

    def test_does_not_run_as_root(self, postgres: TemporaryPostgres) -> None:
        status = Path(f"/proc/{postgres.pid}/status").read_text()
        uids = re.findall(r"^Uid:\s+(\d+)\s+(\d+)", status, re.MULTILINE)[0]
        assert "0" not in uids

    def test_files_are_for_the_server_alone(self) -> None:
        with TemporaryPostgres() as postgres:
            assert postgres._directory is not None
            assert postgres._directory.stat().st_mode & 0o077 == 0


class TestLife:
    def test_stop_and_start_keep_port_and_data(self) -> None:
        with TemporaryPostgres() as postgres:
            port = postgres.port
            run(postgres, "CREATE TABLE kept AS SELECT 7 AS n")
            postgres.stop()
            assert postgres.pid is None
            with pytest.raises(psycopg.OperationalError):
                psycopg.connect(postgres.dsn)
            postgres.start()
            assert postgres.port == port
            assert scalar(postgres, "SELECT n FROM kept") == 7

    def test_restart_cuts_connections(self) -> None:
        with TemporaryPostgres() as postgres, psycopg.connect(postgres.dsn) as connection:
            postgres.restart()
            with pytest.raises(psycopg.OperationalError):
                connection.execute("SELECT 1")
            assert scalar(postgres, "SELECT 1") == 1

    def test_recovers_after_kill(self) -> None:
        with TemporaryPostgres() as postgres, psycopg.connect(postgres.dsn) as connection:
            connection.execute("CREATE TABLE kept AS SELECT 7 AS n")
            connection.commit()
            postgres.kill()
            postgres.start()
            assert scalar(postgres, "SELECT n FROM kept") == 7

    def test_close_removes_everything_and_may_be_repeated(self) -> None:
        postgres = TemporaryPostgres()
        postgres.start()
        pid, directory = postgres.pid, postgres._directory
        assert pid is not None
        assert directory is not None
        postgres.close()
        postgres.close()
        assert not alive(pid)
        assert not directory.exists()

    def test_starts_again_after_close(self) -> None:
        postgres = TemporaryPostgres()
        with postgres:
            run(postgres, "CREATE TABLE lost AS SELECT 1")
        with postgres:
            assert scalar(postgres, "SELECT to_regclass('lost')") is None

    def test_data_dir_is_kept(self) -> None:
        # pytest's own folders are closed to other users, and root's server is another user.
        parent = Path(tempfile.mkdtemp(prefix="dddp-test-"))
        parent.chmod(0o755)
        try:
            with TemporaryPostgres(data_dir=parent / "data") as postgres:
                run(postgres, "CREATE TABLE kept AS SELECT 7 AS n")
            with TemporaryPostgres(data_dir=parent / "data") as postgres:
                assert scalar(postgres, "SELECT n FROM kept") == 7
            assert (parent / "data").exists()
        finally:
            shutil.rmtree(parent)

    def test_options(self) -> None:
        with TemporaryPostgres(options={"wal_level": "logical"}, durable=True) as postgres:
            assert scalar(postgres, "SHOW wal_level") == "logical"
            assert scalar(postgres, "SHOW fsync") == "on"

    def test_given_port(self) -> None:
        port = free_port()
        with TemporaryPostgres(port=port) as postgres:
            assert postgres.port == port
            assert scalar(postgres, "SHOW port") == str(port)


class TestNothingLeft:
    """However the parent ends, the server and its files go."""

    @pytest.mark.parametrize("signum", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
    def test_parent_ends(self, signum: signal.Signals) -> None:
        parent = subprocess.Popen(
            [sys.executable, "-c", PARENT],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert parent.stdout is not None
        pid, directory = parent.stdout.readline().split()
        assert alive(int(pid))
        parent.send_signal(signum)
        parent.communicate()
        wait_gone(int(pid), Path(directory))

    def test_parent_killed_during_initdb(self) -> None:
        code = PARENT.replace("with T", "print(0, flush=True)\nwith T")
        with tempfile.TemporaryDirectory() as temporary:
            Path(temporary).chmod(0o777)
            parent = subprocess.Popen(
                [sys.executable, "-c", code],
                env={**os.environ, "TMPDIR": temporary},
                stdout=subprocess.PIPE,
            )
            deadline = time.monotonic() + 30
            while not list(Path(temporary).glob("*/data/*")):
                assert time.monotonic() < deadline
                time.sleep(0.001)
            parent.kill()
            parent.communicate()
            while list(Path(temporary).iterdir()):
                assert time.monotonic() < deadline, "files were left behind"
                time.sleep(0.02)


class TestClearErrors:
    def test_wrong_bin_dir(self, tmp_path: Path) -> None:
        with pytest.raises(ConfigurationError, match=r"no initdb and postgres in .* bin folder"):
            TemporaryPostgres(bin_dir=tmp_path)

    def test_bin_dir_from_environment(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        for name in ("initdb", "postgres"):
            (tmp_path / name).touch()
        monkeypatch.setenv("DDDP_PG_BIN", str(tmp_path))
        assert TemporaryPostgres().bin_dir == tmp_path

    def test_port_in_use(
        self, postgres: TemporaryPostgres, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("dddp.testing.postgres.RETRY_SECONDS", 0.0)
        with pytest.raises(ConfigurationError, match=f"port {postgres.port}"):
            TemporaryPostgres(port=postgres.port).start()

    def test_unknown_option(self) -> None:
        with pytest.raises(ConfigurationError, match="unrecognized configuration parameter"):
            TemporaryPostgres(options={"no_such_setting": "1"}).start()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root's server is another user")
class TestRoot:
    def test_private_binaries_are_copied_and_stay_private(self) -> None:
        """The usual case: a virtual environment below /root, which nobody else may enter."""
        prefix = find_binaries().resolve().parent
        if not (prefix / "share").is_dir():
            pytest.skip("this PostgreSQL is spread over the system: it cannot be in a home")
        home = Path(tempfile.mkdtemp(prefix="dddp-home-"))
        private = home / "site-packages" / prefix.parent.name / prefix.name
        bundled = prefix.parent.parent / f"{prefix.parent.name}.libs"
        try:
            shutil.copytree(prefix, private)
            if bundled.is_dir():
                shutil.copytree(bundled, private.parent.parent / bundled.name)
            before = {path: path.stat().st_mode for path in [home, *home.rglob("*")]}
            postgres = TemporaryPostgres(bin_dir=private / "bin")
            for _ in range(2):
                with postgres:
                    assert scalar(postgres, "SELECT 1") == 1
                    assert postgres.bin_dir != private / "bin"
            assert {path: path.stat().st_mode for path in [home, *home.rglob("*")]} == before
        finally:
            shutil.rmtree(home)

    def test_private_temporary_folder_is_passed_over(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        tmp_path.chmod(0o700)
        monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
        with TemporaryPostgres() as postgres:
            assert scalar(postgres, "SELECT 1") == 1
        assert list(tmp_path.iterdir()) == []

    def test_private_data_dir_is_a_clear_error(self, tmp_path: Path) -> None:
        tmp_path.chmod(0o700)
        with pytest.raises(ConfigurationError, match="`nobody` must reach it"):
            TemporaryPostgres(data_dir=tmp_path / "data").start()
