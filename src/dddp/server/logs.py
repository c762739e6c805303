"""Where the server's own messages go when the project has not said so."""

from __future__ import annotations

import logging

FORMAT = "%(levelname)s %(name)s: %(message)s"


def configure(verbose: bool) -> None:
    """Send the loggers `dddp` and `uvicorn` to stderr unless the project gave them a handler.

    Args:
        verbose: `dddp` from DEBUG and `uvicorn` from INFO on, which has a line for each request;
            else from INFO and WARNING on. Levels that the project set stay when not verbose.
    """
    levels = {"dddp": (logging.INFO, logging.DEBUG), "uvicorn": (logging.WARNING, logging.INFO)}
    for name, (usual, detailed) in levels.items():
        logger = logging.getLogger(name)
        if verbose:
            logger.setLevel(detailed)
        elif logger.level == logging.NOTSET:
            logger.setLevel(usual)
        if not logger.hasHandlers():
            handler = logging.StreamHandler()
            handler.setFormatter(logging.Formatter(FORMAT))
            logger.addHandler(handler)
    logging.getLogger("uvicorn.error").addFilter(_is_no_refusal)


def _is_no_refusal(record: logging.LogRecord) -> bool:
    """uvicorn takes a refused handshake for an error; anyone could fill the log with it."""
    return "without completing handshake" not in record.getMessage()
