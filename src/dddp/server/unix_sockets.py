"""Listening on a unix socket: a file that only some may write to, and that must not stay behind."""

from __future__ import annotations

import os
import socket
import stat
from contextlib import suppress
from dataclasses import dataclass

from dddp.exceptions import ConfigurationError

DEFAULT_MODE = 0o660


@dataclass(frozen=True, slots=True)
class SocketFile:
    """The file of a socket of this process."""

    path: str
    device: int
    inode: int

    def remove(self) -> None:
        """Remove it, unless another program has put its own in its place; may be called again."""
        with suppress(OSError):
            now = os.lstat(self.path)
            if (now.st_dev, now.st_ino) == (self.device, self.inode):
                os.unlink(self.path)


def listen(path: str, mode: int, backlog: int) -> tuple[socket.socket, SocketFile]:
    """A listening socket; a file that a program left when it was killed is replaced.

    Raises:
        ConfigurationError: another program listens there, or the file is something else.
        OSError: as `bind` does.
    """
    _remove_stale(path)
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    # With `chmod` afterwards anybody could connect in between.
    umask = os.umask(0o777 & ~mode)
    try:
        sock.bind(path)
        sock.listen(backlog)
    except OSError:
        sock.close()
        raise
    finally:
        os.umask(umask)
    made = os.lstat(path)
    return sock, SocketFile(os.path.abspath(path), made.st_dev, made.st_ino)


def _remove_stale(path: str) -> None:
    try:
        is_socket = stat.S_ISSOCK(os.lstat(path).st_mode)
    except FileNotFoundError:
        return
    if not is_socket:
        raise ConfigurationError(
            f"Cannot listen on unix:{path}. That is a file, and no socket: give another path."
        )
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        # Who has as many waiting as may wait would not let this one in either.
        probe.setblocking(False)
        try:
            probe.connect(path)
        except ConnectionRefusedError:
            os.unlink(path)
            return
        except BlockingIOError:
            pass
    raise ConfigurationError(
        f"Cannot listen on unix:{path}. Another program is listening there: stop it, or give "
        f"another path."
    )
