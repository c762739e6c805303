"""For the tests of projects which use this package: a DDP client, a PostgreSQL server."""
