"""`dddp unix:PATH`: who may connect, and what is found or left at the path."""

import os
import socket
import stat

import pytest

from dddp.exceptions import ConfigurationError
from dddp.server import sockets
from dddp.server.options import Address


@pytest.fixture
def path(tmp_path):
    return tmp_path / "app.sock"


@pytest.fixture
def listen(path):
    opened = []

    def listen(processes=1, mode=0o660):
        opened.append(sockets.listen(Address("", 0, str(path)), processes, mode))
        return opened[-1]

    yield listen
    sockets.close(opened)


def connect(path):
    with socket.socket(socket.AF_UNIX) as client:
        client.connect(str(path))


@pytest.mark.parametrize("mode", [0o600, 0o660, 0o666])
def test_permissions(listen, path, mode):
    umask = os.umask(0o022)
    try:
        listen(mode=mode)
    finally:
        assert os.umask(umask) == 0o022
    assert stat.S_IMODE(path.stat().st_mode) == mode
    connect(path)


def test_all_processes_share_it(listen, path):
    assert len({sock.fileno() for (sock,) in listen(processes=3).sockets}) == 1


def test_removed_at_the_end(listen, path):
    bound = listen()
    sockets.close([bound])
    assert not path.exists()
    sockets.close([bound])


def test_another_program_has_taken_its_place(listen, path):
    bound = listen()
    path.unlink()
    path.write_text("")
    sockets.close([bound])
    assert path.exists()


def test_left_by_a_program_that_was_killed(listen, path):
    with socket.socket(socket.AF_UNIX) as killed:
        killed.bind(str(path))
    listen()
    connect(path)


def test_in_use(listen, path):
    listen()
    with pytest.raises(ConfigurationError, match="Another program is listening there"):
        listen()
    connect(path)


def test_a_file_is_left_alone(listen, path):
    path.write_text("precious")
    with pytest.raises(ConfigurationError, match="no socket: give another path"):
        listen()
    assert path.read_text() == "precious"


def test_no_such_directory(listen, path):
    with pytest.raises(ConfigurationError, match="There is no such directory"):
        sockets.listen(Address("", 0, str(path / "below")))


def test_too_long_a_path(path):
    with pytest.raises(ConfigurationError, match="too long"):
        sockets.listen(Address("", 0, "/tmp/" + "x" * 200))


def test_a_program_that_has_as_many_clients_waiting_as_may_wait(path):
    with socket.socket(socket.AF_UNIX) as other, socket.socket(socket.AF_UNIX) as waiting:
        other.bind(str(path))
        other.listen(0)
        waiting.connect(str(path))
        with pytest.raises(ConfigurationError, match="Another program"):
            sockets.listen(Address("", 0, str(path)), 1, 0o660)
