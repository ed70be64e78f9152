"""Our logger: how its lines look where nobody has set up logging, and the traces of what handlers raise."""

from __future__ import annotations

import copy
import logging
import sys
import time
import traceback

from ws_manager._labels import visible

__all__ = ["SERVERS", "Limiter", "logger"]

logger = logging.getLogger("ws_manager")

SERVERS = ("uvicorn.error", "hypercorn.error", "gunicorn.error")
"""Loggers of servers, which print what happens at the start where nobody has set up ours."""


LINES_A_MINUTE = 10
"""Of a kind; a crowd that is refused writes no crowd of lines."""


class Limiter:
    """At most so many lines a minute; the next one then says how many were left out."""

    def __init__(self) -> None:
        self._since = 0.0
        self._told = 0
        self._untold = 0

    def due(self) -> str | None:
        """What to add to the line; None: it is not to be written."""
        now = time.monotonic()
        if now - self._since >= 60:
            self._since, self._told = now, 0
        self._told += 1
        if self._told > LINES_A_MINUTE:
            self._untold += 1
            return None
        more, self._untold = self._untold, 0
        return f" ({more} more were not written)" if more else ""


def trace(error: BaseException) -> str:
    """A traceback as usual, but with the words of exceptions visible(), each on one line: they may be a client's."""
    parts = traceback.format_exception(error)
    return "\n".join(part.rstrip("\n") if part.startswith("  File ") else visible(part.rstrip("\n")) for part in parts)


def _trace_visibly(record: logging.LogRecord) -> bool:
    """Formatters take a text of the exception that is there already."""
    if record.exc_info and record.exc_info[1] is not None and not record.exc_text:
        record.exc_text = trace(record.exc_info[1])
    return True


def _with_level_and_name(record: logging.LogRecord) -> bool:
    """A warning looks like the lines of the start beside it where nobody has set up logging.

    Python would write the text alone.
    """
    if logger.hasHandlers() or record.levelno < logging.WARNING:
        return True
    for name in SERVERS:
        server = logging.getLogger(name)
        if server.hasHandlers():
            if server.isEnabledFor(record.levelno):
                theirs = copy.copy(record)
                theirs.msg = f"ws_manager: {record.msg}"
                server.handle(theirs)
            return False
    print(f"{record.levelname + ':':<9} ws_manager: {record.getMessage()}", file=sys.stderr)
    if record.exc_text:
        print(record.exc_text, file=sys.stderr)
    return False


logger.addFilter(_trace_visibly)
logger.addFilter(_with_level_and_name)
