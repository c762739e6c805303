"""Listening sockets, opened before anything else so that a wrong address is told at once."""

from __future__ import annotations

import errno
import socket
import sys
from dataclasses import dataclass

from dddp.exceptions import ConfigurationError
from dddp.server import unix_sockets
from dddp.server.options import Address

BACKLOG = 2048

STALLED_MS = 60_000
"""A peer that takes no byte for so long is cut off by the kernel, also where a close waits."""

MISTAKES = {
    errno.EADDRINUSE: "Another program is listening there: stop it, or give another port.",
    errno.EACCES: "That takes more rights: give a port above 1023.",
    errno.EADDRNOTAVAIL: "This machine has no such address: 127.0.0.1 and 0.0.0.0 always exist.",
}

UNIX_MISTAKES = {
    errno.ENOENT: "There is no such directory: make it, or give another path.",
    errno.EACCES: "The directory may not be written to: give another path.",
}

BALANCES = sys.platform == "linux"
"""The kernel shares connections out among several sockets of one port (SO_REUSEPORT)."""


@dataclass(frozen=True, slots=True)
class Listening:
    """One address as it was given, with its real port, and what to accept connections on.

    `sockets` holds a list per server process; `file` is that of a unix socket.
    """

    address: Address
    sockets: tuple[tuple[socket.socket, ...], ...]
    file: unix_sockets.SocketFile | None = None


def listen(
    address: Address, processes: int = 1, unix_mode: int = unix_sockets.DEFAULT_MODE
) -> Listening:
    """Listen on an address for so many server processes.

    On Linux each process gets a socket of its own. Were they to wait on one together, the last
    to fall asleep would be woken first and end up with nearly all connections.

    Raises:
        ConfigurationError: the address cannot be had; the sentence says what to do.
    """
    if address.path:
        return _listen_unix(address, processes, unix_mode)
    shared = _listen_once(address, reuse_port=False)
    real = Address(address.host, shared[0].getsockname()[1])
    if processes == 1 or not BALANCES:
        return Listening(real, (shared,) * processes)
    for alone in shared:
        alone.close()
    return Listening(real, tuple(_listen_once(real, reuse_port=True) for _ in range(processes)))


def close(listening: list[Listening]) -> None:
    """Let go of all sockets of this process; the files of unix sockets are removed."""
    for each in listening:
        if each.file is not None:
            each.file.remove()
        for sockets in each.sockets:
            for sock in sockets:
                sock.close()


def _listen_unix(address: Address, processes: int, mode: int) -> Listening:
    """All processes wait on one socket: the kernel shares out nothing here."""
    try:
        sock, file = unix_sockets.listen(address.path, mode, BACKLOG)
    except OSError as error:
        raise _explain(address, error) from error
    return Listening(address, ((sock,),) * processes, file)


def _listen_once(address: Address, *, reuse_port: bool) -> tuple[socket.socket, ...]:
    """A socket for each address the host name stands for; one that this machine lacks is left out.

    "localhost" often is both ::1 and 127.0.0.1, the former also where there is no IPv6.
    """
    bound: list[socket.socket] = []
    failure: OSError | None = None
    port = address.port
    for family, where in _resolve(address):
        try:
            sock = _open(family, (where[0], port, *where[2:]), reuse_port=reuse_port)
        except OSError as error:
            failure = error
            if error.errno != errno.EADDRNOTAVAIL:
                break
        else:
            bound.append(sock)
            port = sock.getsockname()[1]
    else:
        if bound:
            return tuple(bound)
    for sock in bound:
        sock.close()
    raise _explain(address, failure)


def _resolve(address: Address) -> list[tuple[socket.AddressFamily, tuple[object, ...]]]:
    try:
        found = socket.getaddrinfo(
            address.host, address.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )
    except (socket.gaierror, UnicodeError) as error:
        raise ConfigurationError(
            f"Cannot listen on {address}: the host {address.host!r} is unknown. "
            f"Write an IP address of this machine, such as 127.0.0.1."
        ) from error
    return list(dict.fromkeys((family, where) for family, _, _, _, where in found))


def _open(
    family: socket.AddressFamily, where: tuple[object, ...], *, reuse_port: bool
) -> socket.socket:
    sock = socket.socket(family, socket.SOCK_STREAM)
    try:
        if sys.platform != "win32":
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if reuse_port:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        if family == socket.AF_INET6:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        if hasattr(socket, "TCP_USER_TIMEOUT"):
            # Accepted sockets inherit it. Nobody else ends a connection whose peer is alive but
            # never reads: a server's close waits until everything before it is written.
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, STALLED_MS)
        sock.bind(where)
        sock.listen(BACKLOG)
    except OSError:
        sock.close()
        raise
    return sock


def _explain(address: Address, error: OSError | None) -> ConfigurationError:
    code = error.errno if error is not None else None
    mistakes = UNIX_MISTAKES if address.path else MISTAKES
    what = mistakes.get(code or 0, f"{error}.")
    return ConfigurationError(f"Cannot listen on {address}. {what}")
