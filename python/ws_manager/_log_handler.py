"""LogHandler: the application's log, live."""

from __future__ import annotations

import logging
import threading
from typing import TYPE_CHECKING

from ._manager import default_manager

if TYPE_CHECKING:
    from ._manager import WebSocketManager
    from ._types import Level

SUCCESS = 25
"""The number that applications commonly give a level SUCCESS of their own."""


def level_word(levelno: int, levelname: str = "") -> Level:
    """The level of a log message for a level of the logging module."""
    if levelname.upper() == "SUCCESS":
        return "success"
    if levelno >= logging.CRITICAL:
        return "critical"
    if levelno >= logging.ERROR:
        return "error"
    if levelno >= logging.WARNING:
        return "warning"
    return "info" if levelno >= logging.INFO else "debug"


class LogHandler(logging.Handler):
    """Sends log records as `log_message` events to the room `logs`.

    Records of the logger `ws_manager` are left out, and so is whatever is logged while a record is being sent: there
    is no feedback. Records are dropped while the runtime does not run: a log line does not start it. emit() never
    raises and never waits. The text is the formatter's, exceptions included; the source is the logger's name.

    Example: logging.getLogger().addHandler(ws_manager.LogHandler(level=logging.INFO))
    """

    def __init__(self, level: int | str = logging.NOTSET, manager: WebSocketManager | None = None) -> None:
        super().__init__(level)
        self._manager = manager
        self._busy = threading.local()

    def emit(self, record: logging.LogRecord) -> None:
        if record.name == "ws_manager" or record.name.startswith("ws_manager.") or getattr(self._busy, "now", False):
            return
        self._busy.now = True
        try:
            manager = self._manager or default_manager()
            if manager.running:
                text = self.format(record).encode(errors="replace").decode()
                level = level_word(record.levelno, record.levelname)
                source = record.name.encode(errors="replace").decode()
                manager.notify_log(level, text, source)
        except Exception:  # noqa: BLE001 - a log call must not fail because of who listens
            # Logging's own way to report it, to stderr.
            self.handleError(record)
        finally:
            self._busy.now = False
