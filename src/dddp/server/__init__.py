"""The `dddp` command: a Django project and DDP on the same port, served by uvicorn.

    DJANGO_SETTINGS_MODULE=myproject.settings dddp 0.0.0.0:8000

One process serves by itself. With --workers N, or --reload, this one only keeps the others
running. Sockets are opened here, before the project is loaded, and outlive a restart: clients
that come meanwhile wait. SIGINT and SIGTERM end everything, with exit code 0: SIGTERM lets
clients go one after the other, a second signal ends all at once.
"""

from __future__ import annotations

import argparse
import ssl
import sys
from collections.abc import Callable, Sequence

from dddp.exceptions import ConfigurationError, DDPError
from dddp.server import logs, project, sockets, worker
from dddp.server.options import Options, add_arguments, options_from
from dddp.server.process import Worker
from dddp.server.reload import Watch
from dddp.server.sockets import Listening
from dddp.server.supervisor import Supervisor
from dddp.version import __version__

__all__ = ["main", "run"]


def main(arguments: Sequence[str] | None = None) -> int:
    """The `dddp` command. Returns its exit code: 0 after a signal, 1 when it could not serve."""
    parser = argparse.ArgumentParser(
        prog="dddp",
        description="Serve a Django project and DDP on the same port.",
        epilog="Behind a proxy, name its address in FORWARDED_ALLOW_IPS.",
    )
    add_arguments(parser)
    parser.add_argument(
        "--settings", metavar="MODULE", help="Django's settings, else DJANGO_SETTINGS_MODULE"
    )
    parser.add_argument("-v", "--verbose", action="store_true", help="log requests and details")
    parser.add_argument("--version", action="version", version=f"dddp {__version__}")
    parsed = parser.parse_args(arguments)
    try:
        options = options_from(parsed, verbose=parsed.verbose, reload=False)
    except ValueError as error:
        parser.error(str(error))
    return run(options, parsed.settings)


def run(options: Options, settings_module: str | None = None) -> int:
    """Serve until a signal ends it; mistakes are told on stderr. Returns the exit code."""
    listening: list[Listening] = []
    try:
        project.find_settings(settings_module)
        _check_certificate(options)
        listening += [
            sockets.listen(each, options.workers, options.unix_mode) for each in options.addresses
        ]
        if options.reload or options.workers > 1:
            return _supervise(options, listening)
        project.load(options)
        project.check()
        own = [sock for each in listening for sock in each.sockets[0]]
        announce = _announcement(options, listening)
        code = worker.serve(options, own, announce, lambda: sockets.close(listening))
    except DDPError as error:
        print(error, file=sys.stderr, flush=True)
        return 1
    except KeyboardInterrupt:
        return 0
    finally:
        sockets.close(listening)
    return 1 if code else 0


def _supervise(options: Options, listening: list[Listening]) -> int:
    watch = Watch() if options.reload else None
    if watch is None:
        project.load(options)
        project.check()
    else:
        logs.configure(options.verbose)
    shares = zip(*(each.sockets for each in listening), strict=True)
    workers = [
        Worker(options, [sock for part in share for sock in part], check=options.reload)
        for share in shares
    ]
    supervisor = Supervisor(workers, _announcement(options, listening), watch)
    return supervisor.run(on_stop=lambda: sockets.close(listening))


def _announcement(options: Options, listening: list[Listening]) -> Callable[[], None]:
    def announce() -> None:
        from dddp.conf import conf

        tls = "s" if options.ssl_certfile else ""
        prefix = conf.url_prefix.strip("/")
        path = f"/{prefix}/websocket" if prefix else "/websocket"
        for each in listening:
            if each.address.path:
                print(f"Listening on {each.address} (DDP at {path})", flush=True)
                continue
            http, ws = f"http{tls}://{each.address}/", f"ws{tls}://{each.address}{path}"
            print(f"Listening on {http} (DDP at {ws})", flush=True)

    return announce


def _check_certificate(options: Options) -> None:
    if options.ssl_certfile is None:
        return
    try:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(options.ssl_certfile, options.ssl_keyfile, password=lambda: "")
    except (OSError, ssl.SSLError) as error:
        files = " and ".join(filter(None, (options.ssl_certfile, options.ssl_keyfile)))
        raise ConfigurationError(
            f"TLS cannot use {files} ({error}). Give a certificate with --ssl-certfile and its "
            f"unencrypted private key with --ssl-keyfile, both PEM."
        ) from error
