"""`make demo`: the bookstore with a PostgreSQL of its own, all of it gone after Ctrl-C."""

import os
import secrets
import shutil
import sys

import django
from django.core.management import call_command

from dddp.exceptions import ConfigurationError, DDPError
from dddp.server import main as serve
from dddp.server.options import Address
from dddp.server.sockets import close, listen
from dddp.testing.postgres import TemporaryPostgres

READY = """
  The bookstore      {url}
  Django admin       {url}admin/    user: admin    password: {password}
  SQL                {psql}

What to try: open the bookstore in two windows and edit a book in one.
Or edit it in the admin. Sign up in one browser and log in with another: your wishes
are in both. Or change books by SQL, and watch all windows follow:

  {psql} -c 'UPDATE bookstore_book SET pages = pages + 1'

Ctrl-C stops everything and removes the database.
"""


def main():
    port = os.environ.get("PORT") or "8000"
    if not port.isdecimal() or not 0 < int(port) < 65536:
        return f"PORT={port} is no port: give a number from 1 to 65535."
    address = Address("127.0.0.1", int(port))
    try:
        refuse_taken(address)
        print("Starting PostgreSQL ...", flush=True)
        with TemporaryPostgres() as postgres:
            password = prepare(postgres)
            print(READY.format(url=f"http://{address}/", password=password, psql=psql(postgres)))
            return serve([str(address)])
    except DDPError as error:
        return str(error)
    except KeyboardInterrupt:
        return 0


def refuse_taken(address):
    """Say so before the work, not after it."""
    try:
        close([listen(address)])
    except ConfigurationError as error:
        raise ConfigurationError(f"{error} Such as: make demo PORT=8001") from error


def prepare(postgres):
    """Fill a database with the sample; returns the password of its administrator."""
    postgres.create_database("bookstore")
    os.environ.update(
        DJANGO_SETTINGS_MODULE="myproject.settings",
        DJANGO_SECRET_KEY=secrets.token_urlsafe(),
        DATABASE_NAME="bookstore",
        DATABASE_USER=postgres.params["user"],
        DATABASE_PASSWORD=postgres.password,
        DATABASE_HOST=postgres.params["host"],
        DATABASE_PORT=str(postgres.port),
    )
    django.setup()
    from django.contrib.auth.models import User
    from django.db import connections

    call_command("migrate", verbosity=0)
    call_command("load_bookstore")
    password = secrets.token_urlsafe(6)
    User.objects.create_superuser("admin", password=password)
    connections.close_all()
    return password


def psql(postgres):
    program = "psql" if shutil.which("psql") else postgres.bin_dir / "psql"
    return f"{program} {postgres.dsn_of('bookstore')}"


if __name__ == "__main__":
    sys.exit(main())
