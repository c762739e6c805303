"""Where the server's own messages go when the project has not said so."""

from __future__ import annotations

import logging

FORMAT = "%(levelname)s %(name)s: %(message)s"


def configure(verbose: bool) -> None:
    """Send the loggers `dddp` and `uvicorn` to stderr unless the project gave them a handler.

    Args:
        verbose: log at level DEBUG, and each request; else `dddp` from INFO, `uvicorn` from
            WARNING on. Levels that the project set stay.
    """
    levels = {"dddp": logging.INFO, "uvicorn": logging.WARNING}
    for name, level in levels.items():
        logger = logging.getLogger(name)
        if verbose:
            logger.setLevel(logging.DEBUG)
        elif logger.level == logging.NOTSET:
            logger.setLevel(level)
        if not logger.hasHandlers():
            handler = logging.StreamHandler()
            handler.setFormatter(logging.Formatter(FORMAT))
            logger.addHandler(handler)
