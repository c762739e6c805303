"""The options of the `dddp` command and of `manage.py dddp`."""

from __future__ import annotations

import argparse
import re
import socket
from dataclasses import dataclass

from dddp.server.unix_sockets import DEFAULT_MODE

DEFAULT_HOST = "127.0.0.1"
DEFAULT_PORT = 8000
UNIX = "unix:"

ADDRESS = re.compile(r"(?:(?P<host>\[[^\[\]]+\]|[^:\[\]]*):)?(?P<port>\d{1,5})")
BARE_HOST = re.compile(r"\[[^\[\]]+\]|[^:\[\]]+")


@dataclass(frozen=True, slots=True)
class Address:
    """Where to listen; `host` as given, an IPv6 address without its brackets.

    `path` is that of a unix socket, "" for TCP.
    """

    host: str
    port: int
    path: str = ""

    def __str__(self) -> str:
        if self.path:
            return f"{UNIX}{self.path}"
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


@dataclass(frozen=True, slots=True)
class Options:
    """How to serve. `verbose` logs at level DEBUG; `workers` and `reload` exclude each other."""

    addresses: tuple[Address, ...] = (Address(DEFAULT_HOST, DEFAULT_PORT),)
    ssl_certfile: str | None = None
    ssl_keyfile: str | None = None
    workers: int = 1
    reload: bool = False
    verbose: bool = False
    unix_mode: int = DEFAULT_MODE


def parse_address(text: str) -> Address:
    """`HOST:PORT`, `HOST`, `:PORT` or `PORT`; an IPv6 address in brackets; port 0 is any free one.

    What is left out is 127.0.0.1 and 8000. `unix:PATH` is a unix socket.

    Raises:
        argparse.ArgumentTypeError: it is none of these.
    """
    if text.startswith(UNIX) and text != UNIX and hasattr(socket, "AF_UNIX"):
        return Address("", 0, text.removeprefix(UNIX))
    match = ADDRESS.fullmatch(text)
    if match is not None and int(match["port"]) < 65536:
        return Address((match["host"] or DEFAULT_HOST).strip("[]"), int(match["port"]))
    if match is None and BARE_HOST.fullmatch(text):
        return Address(text.strip("[]"), DEFAULT_PORT)
    raise argparse.ArgumentTypeError(
        f"{text!r} is no address: write HOST:PORT, for IPv6 [::1]:8000, or unix:PATH."
    )


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what both commands share."""
    parser.add_argument(
        "addresses",
        metavar="HOST:PORT",
        nargs="*",
        type=parse_address,
        help="where to listen, several if you like; 127.0.0.1:8000 when left out, "
        "0.0.0.0:8000 for all IPv4 networks, [::1]:8000 for IPv6, unix:PATH for a unix socket",
    )
    parser.add_argument(
        "--unix-mode",
        metavar="MODE",
        type=_mode,
        default=DEFAULT_MODE,
        help=f"who may connect to unix sockets, as for chmod; {DEFAULT_MODE:o} when left out",
    )
    parser.add_argument("--ssl-certfile", metavar="FILE", help="certificate chain (PEM) for TLS")
    parser.add_argument(
        "--ssl-keyfile", metavar="FILE", help="its private key, unless it is in the same file"
    )
    parser.add_argument(
        "--workers", metavar="N", type=_count, default=1, help="number of server processes"
    )
    parser.add_argument(
        "--reload",
        action=argparse.BooleanOptionalAction,
        default=None,
        help="start anew when the project's code changes",
    )


def options_from(arguments: argparse.Namespace, *, verbose: bool, reload: bool) -> Options:
    """The options that were parsed.

    Args:
        reload: whether to reload when the command line does not say and there is one worker.

    Raises:
        ValueError: they do not go together; the sentence says what to do.
    """
    if arguments.ssl_keyfile and not arguments.ssl_certfile:
        raise ValueError("--ssl-keyfile needs --ssl-certfile as well.")
    if arguments.workers > 1 and arguments.reload:
        raise ValueError("--reload works with one process: leave out --workers.")
    wanted = reload and arguments.workers == 1 if arguments.reload is None else arguments.reload
    return Options(
        addresses=tuple(arguments.addresses) or Options().addresses,
        ssl_certfile=arguments.ssl_certfile,
        ssl_keyfile=arguments.ssl_keyfile,
        workers=arguments.workers,
        reload=wanted,
        verbose=verbose,
        unix_mode=arguments.unix_mode,
    )


def _mode(text: str) -> int:
    if not re.fullmatch("0?[0-7]{3}", text):
        raise argparse.ArgumentTypeError(f"{text!r} is no file mode: write one like 660.")
    return int(text, 8)


def _count(text: str) -> int:
    if not text.isdecimal() or not 1 <= int(text) <= 1024:
        raise argparse.ArgumentTypeError(f"{text!r} is no number of processes from 1 to 1024.")
    return int(text)
