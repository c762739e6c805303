import errno
import socket
import sys

import pytest

from dddp.exceptions import ConfigurationError
from dddp.server import sockets
from dddp.server.options import Address

ANY = Address("127.0.0.1", 0)


@pytest.fixture
def listen():
    opened = []

    def listen(address, processes=1):
        opened.append(sockets.listen(address, processes))
        return opened[-1]

    yield listen
    sockets.close(opened)


def test_real_port(listen):
    bound = listen(ANY)
    ((sock,),) = bound.sockets
    assert bound.address.port == sock.getsockname()[1] != 0


def test_in_use_by_another_process_of_its_kind(listen):
    bound = listen(ANY, processes=2)
    with pytest.raises(ConfigurationError, match="Another program is listening there"):
        listen(bound.address, processes=2)


def test_a_socket_for_each_process(listen):
    bound = listen(ANY, processes=3)
    ports = {sock.getsockname()[1] for (sock,) in bound.sockets}
    assert ports == {bound.address.port}
    assert len({sock.fileno() for (sock,) in bound.sockets}) == (3 if sockets.BALANCES else 1)


def test_address_that_a_host_name_has_and_the_machine_lacks(listen, monkeypatch):
    found = [
        (socket.AF_INET, socket.SOCK_STREAM, 6, "", ("192.0.2.1", 0)),
        (socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", 0)),
    ]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: found)
    ((sock,),) = listen(Address("localhost", 0)).sockets
    assert sock.getsockname()[0] == "127.0.0.1"


@pytest.mark.parametrize(
    ("number", "advice"),
    [(errno.EACCES, "a port above 1023"), (errno.EADDRINUSE, "another port"), (errno.EIO, "I/O")],
)
def test_refused(listen, monkeypatch, number, advice):
    def refuse(*_, **__):
        raise OSError(number, "I/O")

    monkeypatch.setattr(sockets, "_open", refuse)
    with pytest.raises(
        ConfigurationError, match=rf"^Cannot listen on 127\.0\.0\.1:80\. .*{advice}"
    ):
        listen(Address("127.0.0.1", 80))


@pytest.mark.skipif(sys.platform != "linux", reason="an option of Linux")
def test_peer_that_never_reads_is_cut_off(listen):
    bound = listen(ANY)
    ((listening,),) = bound.sockets
    with socket.create_connection(("127.0.0.1", bound.address.port)):
        accepted, _ = listening.accept()
        with accepted:
            timeout = accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT)
    assert timeout == sockets.STALLED_MS
