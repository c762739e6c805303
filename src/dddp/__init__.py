"""Live Django querysets for DDP clients, kept up to date by PostgreSQL."""

from dddp.version import __version__

__all__ = ["__version__"]
